import {
  CreateTopics,
  DescribeConfigs,
  IncrementalAlterConfigs,
  Metadata,
  ZERO_UUID,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { afterEach } from 'vitest'
import { RawClient } from '../raw-client.js'

type Topic = RequestInput<typeof CreateTopics>['topics'][number]

const running: EmbeddedBroker[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

/** What everybody is allowed, by operation and resource; nothing else. */
export function onlyAllowed(
  ...allowed: readonly (readonly [operation: string, resourceType: string, name: string])[]
): NonNullable<EmbeddedBrokerOptions['security']> {
  type Rule = NonNullable<NonNullable<EmbeddedBrokerOptions['security']>['authorization']>['rules'][number]
  return {
    authorization: {
      rules: allowed.map(
        ([operation, resourceType, name]) =>
          ({ principal: 'User:*', operation, resourceType, name, permission: 'allow' }) as Rule,
      ),
    },
  }
}

/** A cluster in memory and a client with the requests of this folder's tests in short words. */
export async function adminClient(options: EmbeddedBrokerOptions & { readonly nodeId?: number } = {}) {
  const { nodeId, ...given } = options
  const broker = await EmbeddedBroker.start({ network: 'memory', ...given })
  running.push(broker)
  const client = await RawClient.connect(broker, nodeId === undefined ? {} : { nodeId })
  return {
    broker,
    client,
    create: async (
      topics: readonly (Partial<Topic> & { readonly name: string })[],
      version = 7,
      validateOnly = false,
    ) => {
      const answer = await client.send(CreateTopics, version, {
        topics: topics.map((topic) => ({
          numPartitions: 1,
          replicationFactor: 1,
          assignments: [],
          configs: [],
          ...topic,
        })),
        validateOnly,
      })
      return answer.topics
    },
    /** Topics by name; null: all. */
    metadata: (
      names: readonly string[] | null,
      rest: { readonly version?: number; readonly allowAutoTopicCreation?: boolean } = {},
    ): Promise<ResponseOf<typeof Metadata>> => {
      const { version = 13, allowAutoTopicCreation } = rest
      return client.send(Metadata, version, {
        topics: names === null ? null : names.map((name) => (version >= 10 ? { topicId: ZERO_UUID, name } : { name })),
        ...(allowAutoTopicCreation !== undefined && { allowAutoTopicCreation }),
      })
    },
    alter: async (
      resourceType: number,
      resourceName: string,
      configs: readonly (readonly [name: string, value: string | null, operation?: number])[],
      validateOnly = false,
    ) => {
      const answer = await client.send(IncrementalAlterConfigs, 1, {
        resources: [
          {
            resourceType,
            resourceName,
            configs: configs.map(([name, value, configOperation = 0]) => ({ name, value, configOperation })),
          },
        ],
        validateOnly,
      })
      const [response] = answer.responses
      return [response?.errorCode, response?.errorMessage]
    },
    describeConfigs: async (resourceType: number, resourceName: string, keys: readonly string[] | null = null) => {
      const answer = await client.send(DescribeConfigs, 4, {
        resources: [{ resourceType, resourceName, configurationKeys: keys === null ? null : [...keys] }],
        includeSynonyms: true,
      })
      const [result] = answer.results
      if (result === undefined) throw new Error('DescribeConfigs answered nothing.')
      return result
    },
  }
}
