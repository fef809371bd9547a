/*
 * What a sequence consists of. Steps name roles, not values: "the third of what member 1 holds of seat 0" becomes offsets when
 * it is played, from the answers that came before. As long as two brokers answer alike they are asked alike; at the first
 * difference the comparison ends.
 */

/**
 * The partitions of a sequence by number: 0 and 1 are those of topic A, 2 that of B, 3 that of C, which may be deleted on the
 * way. 8 is a partition that A does not have, 9 one of a topic that never was.
 */
export type Seat = 0 | 1 | 2 | 3 | 8 | 9

export const AckType = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** Which offsets an acknowledgement names. */
export type AckShape =
  // Right ones.
  | 'everything' // all that the member holds
  | 'run' // one run of neighbours that the member holds
  | 'slice' // a part of such a run
  | 'everySecond' // every second offset of such a run, one batch each
  // Wrong, or of no effect.
  | 'othersOffsets' // held by another member
  | 'finished' // already acknowledged
  | 'available' // released before
  | 'below' // the lowest offsets of the partition, whatever they are
  | 'beyond' // ends behind what was ever acquired
  | 'farBeyond' // begins behind what was ever acquired
  | 'reversed' // first offset above the last
  | 'overlapping' // two batches with offsets in common
  | 'touching' // two batches with one offset in common
  | 'descending' // two batches in the wrong order
  | 'noTypes' // an empty list of types
  | 'typesTooFew' // a list of types shorter than the range
  | 'badType' // a type that is none
  | 'noBatches' // the partition without any batch
  | 'halfWrong' // a right batch, and one behind what was ever acquired

export interface AckPlan {
  readonly seat: Seat
  readonly shape: AckShape
  /** One type for all, or a pattern that is repeated over the offsets. */
  readonly types: readonly number[]
  /** Where in what there is to choose from, and how much of it: fractions. */
  readonly at: number
  readonly share: number
}

/** What is wrong with the session part of a request. */
export type SessionFault =
  | 'none'
  | 'reopen' // epoch 0 although there is a session
  | 'epochAhead'
  | 'epochBehind'
  | 'epochZeroWithAcks'
  | 'neverOpened' // an epoch of a member that has no session
  | 'closeNeverOpened'
  | 'nullGroup'
  | 'nullMember'
  | 'emptyMember'
  | 'longMember'
  | 'renewWithLimits' // a renewing fetch that also asks for records

export interface FetchStep {
  readonly kind: 'fetch'
  readonly member: number
  /** What a session that has to be opened first is opened with. */
  readonly open: readonly Seat[]
  readonly add: readonly Seat[]
  readonly forget: readonly Seat[]
  readonly acks: readonly AckPlan[]
  readonly version: 1 | 2
  /** 0 whole batches, 1 cut at maxRecords (from version 2). */
  readonly mode: 0 | 1
  readonly renew: boolean
  readonly close: boolean
  readonly maxRecords: number
  readonly batchSize: number
  readonly maxBytes: number
  readonly minBytes: number
  readonly maxWaitMs: number
  readonly fault: SessionFault
  /** The answer is awaited by a later `collect`. */
  readonly park: boolean
}

export interface AckStep {
  readonly kind: 'ack'
  readonly member: number
  readonly acks: readonly AckPlan[]
  readonly version: 1 | 2
  readonly renew: boolean
  readonly close: boolean
  readonly fault: SessionFault
}

export interface BatchPlan {
  readonly records: number
  readonly valueBytes: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: 0 | 1 | 2 | 3 | 4
  /** How long ago the records were made, as they say. */
  readonly ageMs: number
}

export type HeartbeatCase =
  | 'join'
  | 'beat'
  | 'previousEpoch'
  | 'wrongEpoch'
  | 'rejoin'
  | 'leave'
  | 'unknownMember'
  | 'unknownGroup'
  | 'leaveUnknownMember'
  | 'leaveUnknownGroup'
  | 'emptyMember'
  | 'longMember'
  | 'emptyGroup'
  | 'emptyRack'
  | 'joinWithoutTopics'
  | 'epochBelowLeave'

export type GroupSetting =
  | 'share.delivery.count.limit'
  | 'share.partition.max.record.locks'
  | 'share.isolation.level'
  | 'share.renew.acknowledge.enable'

export type OffsetsCase =
  | 'alter' // of the group when it is empty and nobody is connected
  | 'alterNonEmpty'
  | 'alterUnknownTopic'
  | 'delete'
  | 'deleteNonEmpty'
  | 'deleteUnknownGroup'
  | 'deleteUnknownTopic'
  | 'describeUnknownGroup'
  | 'describeUnknownTopic'

export type Step =
  | FetchStep
  | AckStep
  | { readonly kind: 'collect'; readonly member: number }
  | { readonly kind: 'produce'; readonly seat: Seat; readonly batches: readonly BatchPlan[] }
  | { readonly kind: 'produceInTransaction'; readonly producer: number; readonly seat: Seat; readonly batch: BatchPlan }
  | { readonly kind: 'endTransaction'; readonly producer: number; readonly commit: boolean }
  | { readonly kind: 'deleteRecords'; readonly seat: Seat; readonly share: number }
  | { readonly kind: 'deleteTopic' }
  /** Cuts the member's connection. */
  | { readonly kind: 'cut'; readonly member: number }
  /** From here on locks are short, until `expire`. */
  | { readonly kind: 'shortenLocks' }
  /** Waits until every short lock has run out; locks are long again. */
  | { readonly kind: 'expire' }
  | { readonly kind: 'setGroup'; readonly name: GroupSetting; readonly value: string }
  | { readonly kind: 'heartbeat'; readonly member: number; readonly of: HeartbeatCase }
  | { readonly kind: 'offsets'; readonly of: OffsetsCase; readonly seat: Seat; readonly share: number }
  /** Fetches of few records each from three partitions with plenty, in a group of its own: whose turn is it? */
  | { readonly kind: 'turns'; readonly mode: 0 | 1; readonly maxRecords: number; readonly maxBytes: number }
  /** A fetch for a group that nobody ever joined. */
  | { readonly kind: 'fetchUninitialised'; readonly seat: Seat }
  | { readonly kind: 'describe' }

/** What is fixed before the first step. */
export interface SequenceSetup {
  readonly reset: 'earliest' | 'latest' | 'by_duration:PT1H' | 'altered'
  readonly isolation: 'read_uncommitted' | 'read_committed'
  readonly deliveryLimit: number
  readonly maxRecordLocks: number
  /** An empty session that stays open, so that the group's share partitions stay in the leader's memory. */
  readonly anchored: boolean
  readonly joinerStays: boolean
  /** Written before the group exists, by seat 0 to 3. */
  readonly prelude: readonly (readonly BatchPlan[])[]
  /** Where the group begins by seat, for `altered`: a fraction of the prelude. */
  readonly startAt: readonly number[]
}

export interface Sequence {
  readonly seed: number
  readonly index: number
  readonly setup: SequenceSetup
  readonly steps: readonly Step[]
}
