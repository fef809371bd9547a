import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { VirtualClock } from '@milena/protocol/runtime'
import type { Target } from './target.js'

/** Turns of the event loop in which an answer comes that needs no time. */
const TURNS = 20
/** Real milliseconds for what needs some, such as a codec in another thread. */
const REAL_MS = 5000

/** A broker of its own, in memory and on a virtual clock: waiting costs nothing. */
export async function embeddedTarget(serverProperties: Readonly<Record<string, string>>): Promise<Target> {
  const clock = new VirtualClock()
  const broker = await EmbeddedBroker.start({ clock, network: 'memory', serverProperties, rememberedRequests: 0 })
  const [host = '', port = ''] = broker.bootstrapServers.split(':')

  async function answered<T>(answer: Promise<T>, ms: number): Promise<T> {
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    answer.then(settled, settled)
    for (let passed = 0; ; passed++) {
      for (let round = 0; round < TURNS; round++) {
        await turn()
        if (isSettled) return answer
      }
      if (passed >= ms + REAL_MS) throw new Error(`No answer within ${ms} ms.`)
      if (passed < ms) await clock.advance(1)
      else await sleep(1)
    }
  }

  return {
    name: 'embedded',
    transport: broker.transport,
    address: { host, port: Number(port) },
    now: () => clock.now(),
    date: () => clock.wallTime(),
    wait: (ms) => clock.advance(ms),
    answered,
    close: () => broker.stop(),
  }
}
