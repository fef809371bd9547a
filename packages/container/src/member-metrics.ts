import type { ContainerEngine } from './container-engine.js'
import type { ListenerCounters } from './member-surroundings.js'

/** What the brokers have confirmed of one member, in records, and what it lost. */
export type BrokerCounts = ReturnType<ContainerEngine<unknown, unknown>['counters']['snapshot']>

/** What one member has done: as its container counted it, and as the brokers answered. */
export interface MemberMetrics extends Readonly<ListenerCounters> {
  readonly broker: BrokerCounts
}

/** Adds up what several members of one place have done, one after another. */
export function sumOfCounts(all: readonly BrokerCounts[]): BrokerCounts {
  const sum: Record<keyof BrokerCounts, number> = {
    acquired: 0,
    redelivered: 0,
    accepted: 0,
    released: 0,
    rejected: 0,
    renewed: 0,
    lockRenewals: 0,
    gaps: 0,
    failed: 0,
    stale: 0,
    lost: 0,
  }
  for (const counts of all) {
    for (const name of Object.keys(sum) as (keyof BrokerCounts)[]) sum[name] += counts[name]
  }
  return sum
}
