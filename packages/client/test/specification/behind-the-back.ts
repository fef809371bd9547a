import { AlterShareGroupOffsets, ShareAcknowledge } from '@milena/protocol'
import type { TestBroker } from '@milena/tools-test-brokers'
import { expect } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig } from '../../src/config/client-config.js'

// What somebody else does to a group, in plain requests.

async function withContext<T>(broker: TestBroker, work: (context: KafkaClientContext) => Promise<T>): Promise<T> {
  const context = KafkaClientContext.create(resolveClientConfig({ bootstrapServers: broker.bootstrapServers }))
  try {
    return await work(context)
  } finally {
    await context.release()
  }
}

/**
 * Closes the share session of a member at the leader of a topic's first partition, behind the member's back: leaders ask nobody
 * who speaks for a member.
 */
export async function endSession(
  broker: TestBroker,
  { topic, groupId, memberId }: { readonly topic: string; readonly groupId: string; readonly memberId: string },
): Promise<void> {
  const [described] = await broker.admin.describeTopics([topic])
  const leader = described?.partitions[0]?.leaderId
  if (leader === undefined) throw new Error(`nobody leads ${topic}`)
  await withContext(broker, async (context) => {
    const answer = await context.send(
      ShareAcknowledge,
      { groupId, memberId, shareSessionEpoch: -1, isRenewAck: false, topics: [] },
      { to: leader },
    )
    expect(answer.errorCode).toBe(0)
  })
}

/** Sets the start of an empty group in a topic's first partition, which creates the group. */
export async function alterOffset(
  broker: TestBroker,
  { groupId, topic, startOffset }: { readonly groupId: string; readonly topic: string; readonly startOffset: number },
): Promise<void> {
  await withContext(broker, async (context) => {
    const answer = await context.sendWithRetry(
      AlterShareGroupOffsets,
      { groupId, topics: [{ topicName: topic, partitions: [{ partitionIndex: 0, startOffset }] }] },
      { to: { group: groupId }, errorOf: ({ errorCode }) => errorCode },
    )
    expect(answer.errorCode).toBe(0)
  })
}
