import { KafkaUsageError, ZERO_UUID, type AnyApi } from '@milena/protocol'
import type { InterceptedRequest } from './intercept.js'
import { zeroAnswer } from './zero-answer.js'

type Loose = Readonly<Record<string, unknown>>
type List = readonly Loose[]

interface Failure {
  readonly errorCode: number
  readonly errorMessage?: string
}

const list = (value: unknown): List => (Array.isArray(value) ? (value as List) : [])

/** Repeats the topics and partitions of a request, each with the error. */
function perPartition(topics: unknown, partitions: string, of: (partition: Loose | number) => Loose): List {
  return list(topics).map((topic) => ({
    ...topic,
    [partitions]: (topic[partitions] as readonly (Loose | number)[] | null)?.map(of) ?? [],
  }))
}

function perResource(resources: unknown, failure: Failure): List {
  return list(resources).map(({ resourceType, resourceName }) => ({
    resourceType,
    resourceName,
    errorMessage: null,
    ...failure,
  }))
}

/** APIs whose answers have no error for the request as a whole (in some of their versions): the error goes to each part. */
const shapes: Readonly<Record<string, (request: Loose, failure: Failure, version: number) => Loose>> = {
  Produce: ({ topicData }, failure) => ({
    responses: list(topicData).map((topic) => ({
      ...topic,
      partitionResponses: list(topic['partitionData']).map(({ index }) => ({ index, baseOffset: -1, ...failure })),
    })),
  }),
  Fetch: ({ topics }, { errorCode }, version) =>
    version >= 7
      ? { errorCode }
      : {
          responses: list(topics).map((topic) => ({
            ...topic,
            partitions: list(topic['partitions']).map(({ partition }) => ({
              partitionIndex: partition,
              errorCode,
              highWatermark: -1,
              records: Buffer.alloc(0),
            })),
          })),
        },
  ListOffsets: ({ topics }, { errorCode }) => ({
    topics: perPartition(topics, 'partitions', (partition) => ({
      partitionIndex: (partition as Loose)['partitionIndex'],
      errorCode,
    })),
  }),
  Metadata: ({ topics }, { errorCode }) => ({
    topics: list(topics).map((topic) => ({ ...topic, errorCode, partitions: [] })),
  }),
  FindCoordinator: ({ coordinatorKeys }, failure, version) =>
    version < 4
      ? { ...failure, nodeId: -1, port: -1 }
      : {
          coordinators: (coordinatorKeys as readonly string[]).map((key) => ({
            key,
            nodeId: -1,
            host: '',
            port: -1,
            ...failure,
          })),
        },
  CreateTopics: ({ topics }, failure) => ({ topics: list(topics).map(({ name }) => ({ name, ...failure })) }),
  DeleteTopics: ({ topics, topicNames }, { errorCode }) => ({
    responses: [
      ...list(topics),
      ...((topicNames as readonly string[] | undefined) ?? []).map((name) => ({ name })),
    ].map((topic) => ({ ...topic, errorCode })),
  }),
  OffsetCommit: ({ topics }, { errorCode }) => ({
    topics: perPartition(topics, 'partitions', (partition) => ({
      partitionIndex: (partition as Loose)['partitionIndex'],
      errorCode,
    })),
  }),
  TxnOffsetCommit: ({ topics }, { errorCode }) => ({
    topics: perPartition(topics, 'partitions', (partition) => ({
      partitionIndex: (partition as Loose)['partitionIndex'],
      errorCode,
    })),
  }),
  OffsetFetch: ({ groups, topics }, { errorCode }, version) =>
    version >= 8
      ? { groups: list(groups).map(({ groupId }) => ({ groupId, topics: [], errorCode })) }
      : {
          errorCode,
          topics: perPartition(topics, 'partitionIndexes', (partitionIndex) => ({
            partitionIndex,
            committedOffset: -1,
            metadata: '',
            errorCode,
          })).map(({ partitionIndexes, ...topic }) => ({ ...topic, partitions: partitionIndexes })),
        },
  JoinGroup: ({ memberId }, { errorCode }, version) => ({
    errorCode,
    memberId,
    generationId: -1,
    protocolName: version >= 7 ? null : '',
  }),
  DeleteRecords: ({ topics }, { errorCode }) => ({
    topics: perPartition(topics, 'partitions', (partition) => ({
      partitionIndex: (partition as Loose)['partitionIndex'],
      lowWatermark: -1,
      errorCode,
    })),
  }),
  OffsetForLeaderEpoch: ({ topics }, { errorCode }) => ({
    topics: perPartition(topics, 'partitions', (partition) => ({
      partition: (partition as Loose)['partition'],
      errorCode,
    })),
  }),
  AddPartitionsToTxn: ({ v3AndBelowTopics }, { errorCode }, version) =>
    version >= 4
      ? { errorCode }
      : {
          resultsByTopicV3AndBelow: list(v3AndBelowTopics).map(({ name, partitions }) => ({
            name,
            resultsByPartition: (partitions as readonly number[]).map((partitionIndex) => ({
              partitionIndex,
              partitionErrorCode: errorCode,
            })),
          })),
        },
  AlterConfigs: ({ resources }, failure) => ({ responses: perResource(resources, failure) }),
  CreatePartitions: ({ topics }, failure) => ({ results: list(topics).map(({ name }) => ({ name, ...failure })) }),
  DescribeTopicPartitions: ({ topics }, { errorCode }) => ({
    topics: list(topics).map(({ name }) => ({ name, topicId: ZERO_UUID, errorCode, partitions: [] })),
  }),
  ShareGroupDescribe: ({ groupIds }, failure) => ({
    groups: (groupIds as readonly string[]).map((groupId) => ({
      groupId,
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      assignorName: '',
      members: [],
      ...failure,
    })),
  }),
  DescribeGroups: ({ groups }, { errorCode }) => ({
    groups: (groups as readonly string[]).map((groupId) => ({
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
      errorCode,
    })),
  }),
  DeleteGroups: ({ groupsNames }, { errorCode }) => ({
    results: (groupsNames as readonly string[]).map((groupId) => ({ groupId, errorCode })),
  }),
  DescribeShareGroupOffsets: ({ groups }, failure) => ({
    groups: list(groups).map(({ groupId }) => ({ groupId, topics: [], ...failure })),
  }),
  DescribeConfigs: ({ resources }, failure) => ({
    results: list(resources).map(({ resourceType, resourceName }) => ({
      resourceType,
      resourceName,
      configs: [],
      ...failure,
    })),
  }),
  IncrementalAlterConfigs: ({ resources }, failure) => ({ responses: perResource(resources, failure) }),
}

/** The answer to this request that says nothing but an error. */
export function failureAnswer(api: AnyApi, request: InterceptedRequest, given: Failure): unknown {
  const failure: Failure = {
    errorCode: given.errorCode,
    ...(given.errorMessage === undefined ? {} : { errorMessage: given.errorMessage }),
  }
  const zero = zeroAnswer(api.response.fields)
  const shape = shapes[api.name]
  if (shape !== undefined) return { ...zero, ...shape(request.body as Loose, failure, request.version) }
  if ('errorCode' in api.response.fields) {
    return { ...zero, errorCode: failure.errorCode, ...('errorMessage' in zero ? failure : {}) }
  }
  throw new KafkaUsageError(
    `An answer to ${api.name} has no place for an error of the whole request: give { do: 'answer', body } instead of { do: 'fail' }.`,
  )
}
