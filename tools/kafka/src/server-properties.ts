export interface NodeAddress {
  readonly nodeId: number
  readonly port: number
  readonly controllerPort: number
}

/**
 * What keeps tests short on any broker, Kafka or not: a group may have a lock of 1 s, and a member be fenced in a second. The
 * defaults of groups stay Kafka's.
 */
export const shortWaits: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  'group.share.min.record.lock.duration.ms': '1000',
  'group.share.min.session.timeout.ms': '1000',
  'group.share.min.heartbeat.interval.ms': '100',
  'group.initial.rebalance.delay.ms': '0',
}

/**
 * The server.properties of one node: broker and controller in one process, on loopback only. Whatever `overrides` names wins.
 */
export function serverProperties(
  node: NodeAddress,
  nodes: readonly NodeAddress[],
  dataFolder: string,
  overrides: Readonly<Record<string, string>>,
): string {
  const replicas = String(Math.min(nodes.length, 3))
  // With three replicas one broker may be down and every topic still takes writes.
  const inSync = nodes.length >= 3 ? '2' : '1'
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(node.nodeId),
    'controller.quorum.voters': nodes.map((each) => `${each.nodeId}@127.0.0.1:${each.controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataFolder,

    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,

    // Kafka's internal topics: few partitions (50 each would make the first use slow), and no more replicas than brokers.
    'offsets.topic.num.partitions': replicas,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '3',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,

    ...shortWaits,
    // A share partition whose initialisation failed (a coordinator that just moved) is tried again after 1 s instead of 30 s.
    'group.share.initialize.retry.interval.ms': '1000',

    // A broker that was killed is noticed after 4 s instead of 9.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',

    // Made for big machines by default.
    'log.cleaner.dedupe.buffer.size': '4194304',
    'num.io.threads': '4',
    'background.threads': '4',
    ...overrides,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${escapeValue(value)}\n`)
    .join('')
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
