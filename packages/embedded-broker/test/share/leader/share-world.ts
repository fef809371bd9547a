import {
  AlterShareGroupOffsets,
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  ShareAcknowledge,
  ShareFetch,
  type AnyApi,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import { SeededRandom, VirtualClock, type TransportSocket } from '@milena/protocol/runtime'
import { EmbeddedBroker } from '../../../src/embedded-broker.js'
import type { AclOperation, AclResourceType } from '../../../src/security/authorizer.js'
import type { SecurityOptions } from '../../../src/security/security-options.js'
import type { EmbeddedBrokerOptions } from '../../../src/embedded-broker-options.js'

/** `[first, last, ...types]` */
type Ack = readonly [first: number, last: number, ...types: number[]]

/** A partition to fetch from or to acknowledge, as `topic-partition`, with acknowledgements for it. */
export type Wanted = Readonly<Record<string, readonly Ack[]>>

export interface FetchOptions {
  readonly wait?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly max?: number
  readonly batchSize?: number
  readonly mode?: number
  readonly renew?: boolean
  readonly version?: number
  readonly forget?: readonly string[]
}

/** An answer in short: errors, and by `topic-partition` what was acquired (`0-9x1`) or went wrong (`E3`, `ack E42`). */
export interface Short {
  readonly error: number
  readonly lockMs: number
  readonly partitions: Readonly<Record<string, string>>
}

/** Everybody may do everything but this. */
export function denying(resourceType: AclResourceType, name: string, operation: AclOperation): SecurityOptions {
  const rule = { principal: 'User:*', resourceType, name, operation, permission: 'deny' } as const
  return { authorization: { rules: [rule], allowEveryoneIfNoRule: true } }
}

/** A cluster on virtual time, with clients that speak to it request by request. */
export class ShareWorld {
  readonly clock: VirtualClock
  readonly broker: EmbeddedBroker<VirtualClock>

  private constructor(clock: VirtualClock, broker: EmbeddedBroker<VirtualClock>) {
    this.clock = clock
    this.broker = broker
  }

  static async start(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<ShareWorld> {
    const clock = new VirtualClock()
    const random = new SeededRandom(5)
    return new ShareWorld(clock, await EmbeddedBroker.start({ network: 'memory', clock, random, ...options }))
  }

  /** A client with a connection of its own to one broker. */
  async connect(brokerId = 1): Promise<ShareClient> {
    const client = new ShareClient(this)
    await client.open(brokerId)
    return client
  }

  /** A topic's id; for a name that nobody knows, some id that nobody knows either. */
  topicId(name: string): string {
    return this.broker.inspect().topics.find((topic) => topic.name === name)?.id ?? 'Zm9vYmFyYmF6cXV4MTIzNA'
  }

  /** Appends `count` records as one batch, each with its number as value. */
  produce(topic: string, count: number, partition = 0): void {
    const records = Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}` }))
    this.broker.append(topic, records, { partition })
  }

  /** Makes the group's partitions known, with these start offsets: as a joining member does, and without one. */
  async begin(groupId: string, offsets: Readonly<Record<string, number>>): Promise<void> {
    for (const id of this.broker.brokerIds) {
      const client = await this.connect(id)
      for (const [name, startOffset] of Object.entries(offsets)) {
        const { topic, partition } = split(name)
        // Whoever is not the group's coordinator refuses it.
        await client.send(AlterShareGroupOffsets, 0, {
          groupId,
          topics: [{ topicName: topic, partitions: [{ partitionIndex: partition, startOffset }] }],
        })
      }
      client.close()
    }
    await this.clock.advance(0)
  }
}

export class ShareClient {
  readonly #world: ShareWorld
  readonly #waiting = new Map<number, (frame: Buffer | undefined) => void>()
  readonly #splitter = new FrameSplitter({ maxFrameBytes: 100_000_000 })
  #socket: TransportSocket | undefined
  #correlation = 0

  constructor(world: ShareWorld) {
    this.#world = world
  }

  async open(brokerId: number): Promise<void> {
    const address = this.#world.broker.inspect().brokers.find(({ id }) => id === brokerId)?.address ?? ''
    const [host = '', port] = address.split(':')
    this.#socket = await this.#world.broker.transport.connect(
      { host, port: Number(port) },
      {
        timeoutMs: 1000,
        handlers: {
          data: (chunk) =>
            this.#splitter.push(chunk, (frame) => {
              const id = correlationIdOf(frame)
              this.#waiting.get(id)?.(frame)
              this.#waiting.delete(id)
            }),
          close: () => {
            for (const answer of this.#waiting.values()) answer(undefined)
          },
        },
      },
    )
  }

  close(): void {
    this.#socket?.close()
  }

  async send<A extends AnyApi>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const correlationId = ++this.#correlation
    const answer = new Promise<Buffer | undefined>((resolve) => this.#waiting.set(correlationId, resolve))
    this.#socket?.write(encodeRequest(api, { version, correlationId, clientId: 'test', body }))
    const frame = await answer
    if (frame === undefined) throw new Error('The connection was closed.')
    return decodeResponse(api, version, frame)
  }

  /** Sends a ShareFetch; it has waited for nothing yet when this returns. */
  fetch(
    groupId: string | null,
    memberId: string | null,
    epoch: number,
    wanted: Wanted | readonly string[] = {},
    o: FetchOptions = {},
  ): Promise<Short> {
    return this.send(ShareFetch, o.version ?? 2, {
      groupId,
      memberId,
      shareSessionEpoch: epoch,
      maxWaitMs: o.wait ?? 500,
      minBytes: o.minBytes ?? 1,
      maxBytes: o.maxBytes ?? 50_000_000,
      maxRecords: o.max ?? 500,
      batchSize: o.batchSize ?? 500,
      shareAcquireMode: o.mode ?? 0,
      isRenewAck: o.renew ?? false,
      topics: this.#topics(wanted),
      forgottenTopicsData: (o.forget ?? []).map((name) => {
        const { topic, partition } = split(name)
        return { topicId: this.#world.topicId(topic), partitions: [partition] }
      }),
    }).then((answer) => this.#short(answer))
  }

  ack(
    groupId: string | null,
    memberId: string | null,
    epoch: number,
    wanted: Wanted = {},
    o: Pick<FetchOptions, 'renew' | 'version'> = {},
  ): Promise<Short> {
    return this.send(ShareAcknowledge, o.version ?? 2, {
      groupId,
      memberId,
      shareSessionEpoch: epoch,
      isRenewAck: o.renew ?? false,
      topics: this.#topics(wanted),
    }).then((answer) => this.#short(answer))
  }

  #topics(wanted: Wanted | readonly string[]): RequestInput<typeof ShareAcknowledge>['topics'] {
    const entries: [string, readonly Ack[]][] = Array.isArray(wanted)
      ? wanted.map((name: string) => [name, []])
      : Object.entries(wanted as Wanted)
    return entries.map(([name, acks]) => {
      const { topic, partition } = split(name)
      return {
        topicId: this.#world.topicId(topic),
        partitions: [
          {
            partitionIndex: partition,
            acknowledgementBatches: acks.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({
              firstOffset,
              lastOffset,
              acknowledgeTypes,
            })),
          },
        ],
      }
    })
  }

  #short(answer: ResponseOf<typeof ShareFetch> | ResponseOf<typeof ShareAcknowledge>): Short {
    const partitions: Record<string, string> = {}
    for (const { topicId, partitions: all } of answer.responses) {
      const topic = this.#world.broker.inspect().topics.find(({ id }) => id === topicId)?.name ?? '?'
      for (const partition of all) partitions[`${topic}-${partition.partitionIndex}`] = said(partition)
    }
    return { error: answer.errorCode, lockMs: answer.acquisitionLockTimeoutMs, partitions }
  }
}

type Partition =
  | ResponseOf<typeof ShareFetch>['responses'][number]['partitions'][number]
  | ResponseOf<typeof ShareAcknowledge>['responses'][number]['partitions'][number]

function said(partition: Partition): string {
  const parts: string[] = []
  if (partition.errorCode !== 0) parts.push(`E${partition.errorCode}`)
  if ('acknowledgeErrorCode' in partition && partition.acknowledgeErrorCode !== 0) {
    parts.push(`ack E${partition.acknowledgeErrorCode}`)
  }
  const { leaderId, leaderEpoch } = partition.currentLeader
  if (leaderId !== 0 || leaderEpoch !== 0) parts.push(`leader ${leaderId}/${leaderEpoch}`)
  if ('acquiredRecords' in partition) {
    for (const { firstOffset, lastOffset, deliveryCount } of partition.acquiredRecords) {
      parts.push(`${firstOffset}-${lastOffset}x${deliveryCount}`)
    }
  }
  return parts.join(' ')
}

function split(name: string): { topic: string; partition: number } {
  const at = name.lastIndexOf('-')
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) }
}

/** An answer that is an error and nothing else. */
export function refused(error: number): Short {
  return { error, lockMs: 0, partitions: {} }
}

/** An answer without an error, from a group with the default lock duration. */
export function given(partitions: Readonly<Record<string, string>>): Short {
  return { error: 0, lockMs: 30_000, partitions }
}

/** A promise's value, as soon as it has one. */
export function watched<T>(promise: Promise<T>): { readonly answer: () => T | undefined } {
  let answer: T | undefined
  void promise.then((value) => (answer = value))
  return { answer: () => answer }
}
