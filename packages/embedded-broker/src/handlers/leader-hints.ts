import { ErrorCode } from '@milena/protocol'
import type { BrokerCluster } from '../broker-cluster.js'
import type { RequestContext } from '../server/request-context.js'
import type { PartitionEntry } from '../topics/topic-catalog.js'

/** A partition's leader, as answers name it beside an error (KIP-951). */
export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/**
 * Why a request for this partition cannot be served here: a hook said so, the epoch it knows is wrong, or another broker leads.
 * 0: it can.
 */
export function leadershipError(
  partition: PartitionEntry,
  context: Pick<RequestContext, 'node' | 'partitionError'>,
  knownLeaderEpoch = -1,
): number {
  const { node, partitionError } = context
  const injected = partitionError(partition.topic.name, partition.index)
  if (injected !== ErrorCode.NONE) return injected
  if (knownLeaderEpoch >= 0 && knownLeaderEpoch < partition.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (knownLeaderEpoch > partition.leaderEpoch) return ErrorCode.UNKNOWN_LEADER_EPOCH
  return partition.leaderId === node.id ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER
}

/** The leaders that one answer names, and where they are to be reached. */
export class LeaderHints {
  readonly #cluster: BrokerCluster
  readonly #leaderIds = new Set<number>()

  readonly #has: { readonly leader: boolean; readonly endpoints: boolean }

  /** @param has whether the version of the answer has a place for the leader, and for endpoints */
  constructor(cluster: BrokerCluster, has: { readonly leader: boolean; readonly endpoints: boolean }) {
    this.#cluster = cluster
    this.#has = has
  }

  /** The fields of an answer that name the leader; none where the error does not call for it. */
  hint(errorCode: number, partition: PartitionEntry): { readonly currentLeader?: LeaderHint } {
    if (!this.#has.leader) return {}
    if (errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER && errorCode !== ErrorCode.FENCED_LEADER_EPOCH) return {}
    if (partition.leaderId >= 0) this.#leaderIds.add(partition.leaderId)
    return { currentLeader: { leaderId: partition.leaderId, leaderEpoch: partition.leaderEpoch } }
  }

  get nodeEndpoints(): {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }[] {
    if (!this.#has.endpoints) return []
    return [...this.#leaderIds].flatMap((id) => {
      const node = this.#cluster.node(id)
      return node === undefined ? [] : [{ nodeId: id, host: node.host, port: node.port, rack: node.rack ?? null }]
    })
  }
}
