import { Admin, Producer } from '@milena/client'
import { ProxiedCluster, startProxiedBrokers, type KafkaBroker, type ProxiedBrokers } from '@milena/tools-kafka'
import { numberAt } from './member-lines.js'
import { FaultyProxy } from './proxy/faulty-proxy.js'

export const PARTITIONS = 6
const BROKERS = 3
/** Records of one partition that are sent, and so stored, as one batch. */
const BATCH = 50

/** What a group of these runs is given, so that faults outlast its locks within seconds. */
const GROUP_CONFIGS = {
  'share.auto.offset.reset': 'earliest',
  'share.record.lock.duration.ms': '5000',
  'share.session.timeout.ms': '6000',
  'share.heartbeat.interval.ms': '1000',
  'share.delivery.count.limit': '10',
} as const
export const LOCK_MS = Number(GROUP_CONFIGS['share.record.lock.duration.ms'])
export const DELIVERY_LIMIT = Number(GROUP_CONFIGS['share.delivery.count.limit'])

/** Three brokers, each also behind a proxy of its own that can be made to fail. */
export class ChaosCluster extends ProxiedCluster<FaultyProxy> {
  readonly admin: Admin

  private constructor(brokers: ProxiedBrokers<FaultyProxy>) {
    super(brokers)
    this.admin = new Admin({ bootstrapServers: this.bootstrapServers, defaultApiTimeoutMs: 30_000 })
  }

  static async start(progress: (line: string) => void): Promise<ChaosCluster> {
    const options = {
      brokers: BROKERS,
      logger: progress,
      // Leaders move when a fault moves them, and not by themselves minutes later.
      serverProperties: { 'auto.leader.rebalance.enable': 'false' },
    } as const
    return new ChaosCluster(await startProxiedBrokers(options, (port) => FaultyProxy.start(0, port)))
  }

  broker(nodeId: number): KafkaBroker {
    const found = this.brokers.find((broker) => broker.nodeId === nodeId)
    if (found === undefined) throw new RangeError(`There is no broker ${nodeId}.`)
    return found
  }

  async leaderOf(topic: string, partition: number): Promise<number> {
    const [description] = await this.admin.describeTopics([topic])
    const leaderId = description?.partitions.find(({ index }) => index === partition)?.leaderId
    if (leaderId === undefined || leaderId < 0) throw new Error(`${topic}-${partition} has no leader now.`)
    return leaderId
  }

  /** The broker that coordinates a group: the leader of its partition of the offsets topic. */
  async coordinatorOf(groupId: string): Promise<number> {
    const offsets = '__consumer_offsets'
    const [description] = await this.admin.describeTopics([offsets])
    const count = description?.partitions.length ?? 1
    return this.leaderOf(offsets, (javaHashOf(groupId) & 0x7fffffff) % count)
  }

  /** A topic on all brokers with numbered records, and a group that begins with its first. Resolves to the records of each partition. */
  async prepare(topic: string, groupId: string, records: number): Promise<number[]> {
    await this.admin.createTopics([
      {
        name: topic,
        replicaAssignments: Array.from({ length: PARTITIONS }, (_, partition) =>
          Array.from({ length: BROKERS }, (__, replica) => ((partition + replica) % BROKERS) + 1),
        ),
      },
    ])
    await this.admin.alterGroupConfigs(groupId, GROUP_CONFIGS)
    const producer = new Producer({ bootstrapServers: this.bootstrapServers, lingerMs: 0 })
    const each = Math.ceil(records / PARTITIONS)
    for (let from = 0; from < each; from += BATCH) {
      const sent: Promise<unknown>[] = []
      for (let partition = 0; partition < PARTITIONS; partition++) {
        for (let offset = from; offset < Math.min(from + BATCH, each); offset++) {
          const value = String(numberAt(partition, offset, PARTITIONS))
          sent.push(producer.send({ topic, partition, value }))
        }
      }
      await Promise.all(sent)
    }
    await producer.close()
    return Array.from({ length: PARTITIONS }, () => each)
  }

  /** Records that the group has not finished; undefined while the cluster cannot tell. */
  async lagOf(groupId: string, topic: string): Promise<number | undefined> {
    try {
      const offsets = (await this.admin.listShareGroupOffsets(groupId)).filter((offset) => offset.topic === topic)
      if (offsets.length < PARTITIONS) return undefined
      let sum = 0
      for (const { lag } of offsets) {
        if (lag === null) return undefined
        sum += lag
      }
      return sum
    } catch {
      return undefined
    }
  }

  /** The group's stored start offset of each partition. */
  async startOffsetsOf(groupId: string, topic: string): Promise<(number | null)[]> {
    const offsets = (await this.admin.listShareGroupOffsets(groupId)).filter((offset) => offset.topic === topic)
    return offsets.toSorted((one, other) => one.partition - other.partition).map(({ startOffset }) => startOffset)
  }

  /** All brokers run, and every partition has all of its replicas. */
  async recover(topic: string): Promise<void> {
    for (const broker of this.brokers) if (broker.pid === undefined) await broker.restart()
    const patience = Date.now() + 60_000
    while (Date.now() < patience) {
      const [description] = await this.admin.describeTopics([topic])
      if (description?.partitions.every(({ inSyncReplicas }) => inSyncReplicas.length === BROKERS) === true) return
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    throw new Error('The cluster has not recovered within a minute.')
  }

  override async stop(): Promise<void> {
    await this.admin.close()
    await super.stop()
  }
}

/** What Java's String.hashCode() gives, by which Kafka places groups. */
function javaHashOf(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}
