import {
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  FindCoordinator,
  IncrementalAlterConfigs,
  InitProducerId,
  ListOffsets,
  Metadata,
  Produce,
} from '@milena/protocol'
import type { AnyApi } from '@milena/protocol'

// The protocol package reads and writes every version that brokers of today serve, this client needs what came later: topic
// ids in metadata and in what topics are created with, leader hints in answers to produce, several keys for one coordinator.

const OLDEST_VERSIONS: ReadonlyMap<AnyApi, number> = new Map<AnyApi, number>([
  [Produce, 10],
  [ListOffsets, 7],
  [Metadata, 10],
  [FindCoordinator, 4],
  [CreateTopics, 7],
  [DeleteTopics, 6],
  [InitProducerId, 4],
  [DescribeConfigs, 4],
  [IncrementalAlterConfigs, 1],
])

/** The oldest version in which this client speaks an API, whatever older ones the protocol package knows. */
export function oldestVersion(api: AnyApi): number {
  return OLDEST_VERSIONS.get(api) ?? api.minVersion
}
