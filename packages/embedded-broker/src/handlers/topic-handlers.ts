import type { Handler } from '../server/handler.js'
import { createTopicsHandler } from './19-create-topics.js'
import { deleteTopicsHandler } from './20-delete-topics.js'
import { metadataHandler } from './3-metadata.js'
import { describeConfigsHandler } from './32-describe-configs.js'
import { alterConfigsHandler } from './33-alter-configs.js'
import { createPartitionsHandler } from './37-create-partitions.js'
import { incrementalAlterConfigsHandler } from './44-incremental-alter-configs.js'
import { listPartitionReassignmentsHandler } from './46-list-partition-reassignments.js'
import { updateFeaturesHandler } from './57-update-features.js'
import { describeClusterHandler } from './60-describe-cluster.js'
import { listConfigResourcesHandler } from './74-list-config-resources.js'
import { describeTopicPartitionsHandler } from './75-describe-topic-partitions.js'

/** One line per API. */
export const topicHandlers: readonly Handler[] = [
  metadataHandler,
  createTopicsHandler,
  deleteTopicsHandler,
  describeConfigsHandler,
  alterConfigsHandler,
  createPartitionsHandler,
  incrementalAlterConfigsHandler,
  listPartitionReassignmentsHandler,
  updateFeaturesHandler,
  describeClusterHandler,
  listConfigResourcesHandler,
  describeTopicPartitionsHandler,
]
