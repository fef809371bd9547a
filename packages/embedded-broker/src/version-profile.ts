/** The releases of Kafka that the embedded broker can behave as. */
export const kafkaVersions = ['4.1', '4.2', '4.3', '4.4'] as const
export type KafkaVersion = (typeof kafkaVersions)[number]

/**
 * What a release does differently, by name, so that no other file compares versions. Sources: the release notes of each
 * version and runs against real brokers.
 */
export interface VersionProfile {
  readonly version: KafkaVersion
  /** Records released by a session's end lose the delivery they had (4.1), or keep it (KAFKA-19972, 4.2). */
  readonly sessionReleaseLowersDeliveryCount: boolean
  /** Records that failed often come in smaller and smaller portions (KAFKA-17541, 4.2). */
  readonly throttlesRedelivery: boolean
  /** Groups may set delivery limit, record locks and renewal for themselves (KIP-1240, 4.3). */
  readonly groupLevelLimits: boolean
  /** A target assignment is not computed again within share.assignment.interval.ms (4.3). */
  readonly batchesAssignments: boolean
  /** A member that joins an empty group is not held up by that interval (4.4). */
  readonly emptyGroupIsAssignedAtOnce: boolean
  /** The epoch that a new share group has before anyone joins it: 0, or 1 (4.3). */
  readonly firstShareGroupEpoch: 0 | 1
  /** ShareFetch and ShareAcknowledge without a group or member id (null) are UNKNOWN_SERVER_ERROR (4.2), or INVALID_REQUEST (4.3). */
  readonly missingIdsAreServerErrors: boolean
  /** One unknown topic id fails a whole ShareFetch, after it has acknowledged, waited and acquired (until 4.3). */
  readonly unknownTopicIdFailsShareFetch: boolean
  /**
   * Stored states of records that a write has replaced become one batch with the equal one before them at once (4.4), or at
   * the next write. It shows after a reload: batches are offered, and throttled, as they are stored.
   */
  readonly joinsReplacedBatches: boolean
  /** Under one start offset the stored number of finished records never falls (4.4); before, the last write holds. */
  readonly keepsHighestFinishedCount: boolean
  /** Partitions added to a topic that the group knows begin at offset 0, whatever the reset policy (4.4). */
  readonly addedPartitionsStartAtZero: boolean
  /** The highest level of the feature `share.version`; 2 turns dead-letter queues on (KIP-1191, 4.4). */
  readonly maxShareVersion: 1 | 2
}

/** Whether a release is this one or a later one. For tables of what came when; behaviour has its names in VersionProfile. */
export function isSince(version: KafkaVersion, first: KafkaVersion): boolean {
  return kafkaVersions.indexOf(version) >= kafkaVersions.indexOf(first)
}

/** The behaviour of one release. */
export function versionProfile(version: KafkaVersion): VersionProfile {
  const since = (first: KafkaVersion): boolean => isSince(version, first)
  return {
    version,
    sessionReleaseLowersDeliveryCount: !since('4.2'),
    throttlesRedelivery: since('4.2'),
    groupLevelLimits: since('4.3'),
    batchesAssignments: since('4.3'),
    emptyGroupIsAssignedAtOnce: since('4.4'),
    firstShareGroupEpoch: since('4.3') ? 1 : 0,
    missingIdsAreServerErrors: !since('4.3'),
    unknownTopicIdFailsShareFetch: !since('4.4'),
    joinsReplacedBatches: since('4.4'),
    keepsHighestFinishedCount: since('4.4'),
    addedPartitionsStartAtZero: since('4.4'),
    maxShareVersion: since('4.4') ? 2 : 1,
  }
}
