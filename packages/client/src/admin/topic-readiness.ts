import { ErrorCode, KafkaTimeoutError, Metadata, ZERO_UUID } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { isConnectionLoss } from '../network/aborted.js'

/**
 * Resolves when every broker that can be reached knows all these topics, and each of their partitions has a leader.
 * A cluster tells of a new topic before all brokers know it: who produces or subscribes at once may meet one that does not.
 */
export async function waitUntilReady(
  context: KafkaClientContext,
  topics: readonly string[],
  withinMs: number,
): Promise<void> {
  const { clock } = context
  const deadline = clock.now() + withinMs
  const backoff = context.backoff()
  for (;;) {
    await context.metadata.refresh({ topics })
    const nodes = context.metadata.brokers.map((broker) => broker.nodeId)
    const answers = await Promise.all(nodes.map((nodeId) => isReadyAt(context, nodeId, topics)))
    if (answers.every((ready) => ready)) return
    const left = deadline - clock.now()
    if (left <= 0) {
      throw new KafkaTimeoutError(
        `The topics ${topics.join(', ')} were created, but within ${withinMs} ms not all brokers knew them and a leader for each partition. Wait longer with waitUntilReadyMs, or look at the brokers' health.`,
      )
    }
    await backoff.wait(context.closed, left)
  }
}

async function isReadyAt(context: KafkaClientContext, nodeId: number, topics: readonly string[]): Promise<boolean> {
  try {
    const response = await context.send(
      Metadata,
      {
        topics: topics.map((name) => ({ name, topicId: ZERO_UUID })),
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: false,
      },
      { to: nodeId },
    )
    return response.topics.every(
      (topic) =>
        topic.errorCode === ErrorCode.NONE &&
        topic.partitions.length > 0 &&
        topic.partitions.every((partition) => partition.errorCode === ErrorCode.NONE && partition.leaderId >= 0),
    )
  } catch (error) {
    // A broker that is down learns of the topic before it serves again.
    if (isConnectionLoss(error)) return true
    throw error
  }
}
