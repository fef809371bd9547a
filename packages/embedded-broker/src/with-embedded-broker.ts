import type { Clock } from '@milena/protocol/runtime'
import type { EmbeddedBrokerOptions } from './embedded-broker-options.js'
import { EmbeddedBroker } from './embedded-broker.js'

/**
 * Starts a broker, gives it to the function, and stops it when that is done, whatever it came to. Resolves and rejects as the
 * function does. Where the compiler knows `await using`, that does the same.
 */
export async function withEmbeddedBroker<T, C extends Clock = Clock>(
  use: (broker: EmbeddedBroker<C>) => T | Promise<T>,
  options: EmbeddedBrokerOptions<C> = {},
): Promise<T> {
  const broker = await EmbeddedBroker.start(options)
  try {
    return await use(broker)
  } finally {
    await broker.stop()
  }
}
