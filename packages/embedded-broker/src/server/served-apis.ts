import type {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  AlterConfigs,
  AlterShareGroupOffsets,
  ApiVersions,
  CreatePartitions,
  CreateTopics,
  DeleteGroups,
  DeleteRecords,
  DeleteShareGroupOffsets,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeGroups,
  DescribeShareGroupOffsets,
  DescribeTopicPartitions,
  EndTxn,
  Fetch,
  FindCoordinator,
  Heartbeat,
  IncrementalAlterConfigs,
  InitProducerId,
  JoinGroup,
  LeaveGroup,
  ListConfigResources,
  ListGroups,
  ListOffsets,
  ListPartitionReassignments,
  Metadata,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  OffsetForLeaderEpoch,
  Produce,
  SaslAuthenticate,
  SaslHandshake,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupDescribe,
  ShareGroupHeartbeat,
  SyncGroup,
  TxnOffsetCommit,
  UpdateFeatures,
} from '@milena/protocol'

/** Every API that the broker serves (in some release), by Kafka's name. */
export interface ServedApis {
  readonly AddOffsetsToTxn: typeof AddOffsetsToTxn
  readonly AddPartitionsToTxn: typeof AddPartitionsToTxn
  readonly AlterConfigs: typeof AlterConfigs
  readonly AlterShareGroupOffsets: typeof AlterShareGroupOffsets
  readonly ApiVersions: typeof ApiVersions
  readonly CreatePartitions: typeof CreatePartitions
  readonly CreateTopics: typeof CreateTopics
  readonly DeleteGroups: typeof DeleteGroups
  readonly DeleteRecords: typeof DeleteRecords
  readonly DeleteShareGroupOffsets: typeof DeleteShareGroupOffsets
  readonly DeleteTopics: typeof DeleteTopics
  readonly DescribeCluster: typeof DescribeCluster
  readonly DescribeConfigs: typeof DescribeConfigs
  readonly DescribeGroups: typeof DescribeGroups
  readonly DescribeShareGroupOffsets: typeof DescribeShareGroupOffsets
  readonly DescribeTopicPartitions: typeof DescribeTopicPartitions
  readonly EndTxn: typeof EndTxn
  readonly Fetch: typeof Fetch
  readonly FindCoordinator: typeof FindCoordinator
  readonly Heartbeat: typeof Heartbeat
  readonly IncrementalAlterConfigs: typeof IncrementalAlterConfigs
  readonly InitProducerId: typeof InitProducerId
  readonly JoinGroup: typeof JoinGroup
  readonly LeaveGroup: typeof LeaveGroup
  readonly ListConfigResources: typeof ListConfigResources
  readonly ListGroups: typeof ListGroups
  readonly ListOffsets: typeof ListOffsets
  readonly ListPartitionReassignments: typeof ListPartitionReassignments
  readonly Metadata: typeof Metadata
  readonly OffsetCommit: typeof OffsetCommit
  readonly OffsetDelete: typeof OffsetDelete
  readonly OffsetFetch: typeof OffsetFetch
  readonly OffsetForLeaderEpoch: typeof OffsetForLeaderEpoch
  readonly Produce: typeof Produce
  readonly SaslAuthenticate: typeof SaslAuthenticate
  readonly SaslHandshake: typeof SaslHandshake
  readonly ShareAcknowledge: typeof ShareAcknowledge
  readonly ShareFetch: typeof ShareFetch
  readonly ShareGroupDescribe: typeof ShareGroupDescribe
  readonly ShareGroupHeartbeat: typeof ShareGroupHeartbeat
  readonly SyncGroup: typeof SyncGroup
  readonly TxnOffsetCommit: typeof TxnOffsetCommit
  readonly UpdateFeatures: typeof UpdateFeatures
}
