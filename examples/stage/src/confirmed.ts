import type { BrokerCounts, MemberMetrics } from '@milena/container'

/** What the brokers have confirmed to all members of a container, in records. */
export function confirmedTo(container: { metrics(): ReadonlyMap<string, MemberMetrics> } | undefined): BrokerCounts {
  const sum = { ...none }
  for (const { broker } of container?.metrics().values() ?? []) {
    for (const name of Object.keys(sum) as (keyof BrokerCounts)[]) sum[name] += broker[name]
  }
  return sum
}

const none: BrokerCounts = {
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
