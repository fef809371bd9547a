import { randomUUID } from 'node:crypto'
import type { BrokerKind } from './broker-kind.js'

/** What a behaviour suite sees of the broker it runs on. All suites of a run share one: use names of your own. */
export interface TestBroker {
  readonly kind: BrokerKind
  readonly bootstrapServers: string
  /** A name for a topic or a group that nothing else in this run, or on this broker, has. */
  uniqueName(prefix: string): string
}

export function testBroker(kind: BrokerKind, bootstrapServers: string): TestBroker {
  return {
    kind,
    bootstrapServers,
    uniqueName: (prefix) => `${prefix}-${randomUUID().slice(0, 13)}`,
  }
}
