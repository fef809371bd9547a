import { describe, expect, it } from 'vitest'
import { ApiVersions, CreateTopics, Metadata, SaslHandshake, ShareFetch, type AnyApi } from '@milena/protocol'
import { allApis, allMessages } from '../messages/all-apis.js'
import {
  differences,
  kafkaDefinition,
  newestStable,
  oldest,
  type KafkaDefinition,
  type KafkaField,
} from './kafka-definition.js'

describe('the schemas', () => {
  it('are those of the APIs that this version speaks', () => {
    expect(allApis.map((api) => api.name).toSorted()).toEqual([
      'AddOffsetsToTxn',
      'AddPartitionsToTxn',
      'AlterConfigs',
      'AlterShareGroupOffsets',
      'ApiVersions',
      'CreatePartitions',
      'CreateTopics',
      'DeleteGroups',
      'DeleteRecords',
      'DeleteShareGroupOffsets',
      'DeleteTopics',
      'DescribeCluster',
      'DescribeConfigs',
      'DescribeGroups',
      'DescribeShareGroupOffsets',
      'DescribeTopicPartitions',
      'EndTxn',
      'Fetch',
      'FindCoordinator',
      'Heartbeat',
      'IncrementalAlterConfigs',
      'InitProducerId',
      'JoinGroup',
      'LeaveGroup',
      'ListConfigResources',
      'ListGroups',
      'ListOffsets',
      'ListPartitionReassignments',
      'Metadata',
      'OffsetCommit',
      'OffsetDelete',
      'OffsetFetch',
      'OffsetForLeaderEpoch',
      'Produce',
      'SaslAuthenticate',
      'SaslHandshake',
      'ShareAcknowledge',
      'ShareFetch',
      'ShareGroupDescribe',
      'ShareGroupHeartbeat',
      'SyncGroup',
      'TxnOffsetCommit',
      'UpdateFeatures',
    ])
  })

  for (const { api, message } of allMessages) {
    it(`of ${message.name} say what Kafka's definition says, in every version that we speak`, () => {
      expect(differences(api, message, kafkaDefinition(message.name))).toEqual([])
    })
  }

  for (const api of allApis.filter((candidate) => candidate.name !== ApiVersions.name)) {
    it(`of ${api.name} reach from the oldest version that Kafka serves to the newest stable one`, () => {
      expect(api.minVersion).toBe(oldest(kafkaDefinition(api.request.name)))
      expect(api.maxVersion).toBe(newestStable(kafkaDefinition(api.request.name)))
    })
  }

  it('of SaslHandshake are flexible in no version, and so are its headers', () => {
    expect(kafkaDefinition('SaslHandshakeRequest').flexibleVersions).toBe('none')
    for (const version of [0, 1]) {
      expect(SaslHandshake.request.isFlexible(version)).toBe(false)
      expect(SaslHandshake.response.isFlexible(version)).toBe(false)
    }
  })

  it('of ApiVersions stop at 4, since a first request that older brokers refuse costs a round trip', () => {
    expect(ApiVersions.maxVersion).toBe(4)
  })
})

describe('the comparison', () => {
  const planted: ReadonlyArray<{
    what: string
    api: AnyApi
    side: 'request' | 'response'
    plant: Plant
    says: string
  }> = [
    {
      what: 'a name',
      api: ShareFetch,
      side: 'request',
      plant: { at: 'MaxRecords', to: { name: 'MostRecords' } },
      says: 'maxRecords',
    },
    {
      what: 'a type',
      api: ShareFetch,
      side: 'response',
      plant: { at: 'DeliveryCount', to: { type: 'int32' } },
      says: 'acquiredRecords[].deliveryCount: type',
    },
    {
      what: 'an element type',
      api: Metadata,
      side: 'response',
      plant: { at: 'IsrNodes', to: { type: '[]int64' } },
      says: 'partitions[].isrNodes: type',
    },
    {
      what: 'versions',
      api: ShareFetch,
      side: 'request',
      plant: { at: 'IsRenewAck', to: { versions: '1+' } },
      says: 'isRenewAck: versions',
    },
    {
      what: 'nullable versions',
      api: Metadata,
      side: 'response',
      plant: { at: 'Name', to: { nullableVersions: '13+' } },
      says: 'topics[].name: nullable in version 12',
    },
    {
      what: 'the ignorable mark',
      api: ShareFetch,
      side: 'request',
      plant: { at: 'IsRenewAck', to: { ignorable: true } },
      says: 'isRenewAck: ignorable',
    },
    {
      what: 'a default',
      api: ShareFetch,
      side: 'request',
      plant: { at: 'MaxBytes', to: { default: '0x7ffffffe' } },
      says: 'maxBytes: default',
    },
    {
      what: 'a missing default',
      api: CreateTopics,
      side: 'request',
      plant: { at: 'validateOnly', to: { default: undefined } },
      says: 'validateOnly: default',
    },
    {
      what: 'a tag',
      api: CreateTopics,
      side: 'response',
      plant: { at: 'TopicConfigErrorCode', to: { tag: 1 } },
      says: 'topicConfigErrorCode: tag',
    },
    {
      what: 'tagged versions',
      api: CreateTopics,
      side: 'response',
      plant: { at: 'TopicConfigErrorCode', to: { taggedVersions: '8+' } },
      says: 'topicConfigErrorCode: tagged in version 7',
    },
  ]

  for (const { what, api, side, plant, says } of planted) {
    it(`names the field when ${what} differs`, () => {
      const message = api[side]
      const definition = kafkaDefinition(message.name)
      const changed: KafkaDefinition = { ...definition, fields: changedAt(definition.fields, plant) }
      expect(differences(api, message, changed).join('\n')).toContain(says)
    })
  }

  it('notices a field that is missing or too much, another order, another key, and other flexible versions', () => {
    const definition = kafkaDefinition('ShareFetchRequest')
    const notice = (change: Partial<KafkaDefinition>) =>
      differences(ShareFetch, ShareFetch.request, { ...definition, ...change })
    expect(notice({ fields: definition.fields.slice(1) })).toHaveLength(1)
    expect(notice({ fields: [...definition.fields, { name: 'More', type: 'int8', versions: '2+' }] })).toHaveLength(1)
    expect(notice({ fields: definition.fields.toReversed() })).toHaveLength(1)
    expect(notice({ apiKey: 1 })).toHaveLength(1)
    expect(notice({ flexibleVersions: '2+' })).toHaveLength(1)
    expect(notice({ validVersions: '2' })).toHaveLength(1)
  })
})

interface Plant {
  readonly at: string
  readonly to: { [Name in keyof KafkaField]?: KafkaField[Name] | undefined }
}

function changedAt(fields: readonly KafkaField[], plant: Plant): KafkaField[] {
  return fields.map((field) => {
    const changed = field.name === plant.at ? ({ ...field, ...plant.to } as KafkaField) : field
    return changed.fields === undefined ? changed : { ...changed, fields: changedAt(changed.fields, plant) }
  })
}
