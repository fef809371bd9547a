import { ClusterConfigs, type ConfigResource } from '../../src/configs/cluster-configs.js'
import type { ConfigOperation } from '../../src/configs/config-changes.js'
import type { KafkaVersion } from '../../src/version-profile.js'
import { surroundingsOf } from '../topics/catalog-world.js'

/** Configurations of a cluster, and short words to change them by. */
export function configsWorld(
  options: {
    readonly version?: KafkaVersion
    readonly brokers?: number
    readonly serverProperties?: Readonly<Record<string, string>>
  } = {},
) {
  const brokerIds = Array.from({ length: options.brokers ?? 1 }, (_, i) => i + 1)
  const configs = new ClusterConfigs(surroundingsOf(options.version), {
    serverProperties: options.serverProperties ?? {},
    brokerIds,
  })
  const change = (
    resource: ConfigResource,
    name: string,
    value: string | null,
    operation: ConfigOperation = value === null ? 'delete' : 'set',
  ) => configs.change(resource, [{ name, operation, value }], { validateOnly: false })?.errorMessage
  return {
    configs,
    topic: (name: string, value: string | null, operation?: ConfigOperation) =>
      change({ kind: 'topic', name: 'orders' }, name, value, operation),
    group: (name: string, value: string | null) => change({ kind: 'group', name: 'g' }, name, value),
    broker: (name: string, value: string | null, id?: number) => change({ kind: 'broker', id }, name, value),
  }
}
