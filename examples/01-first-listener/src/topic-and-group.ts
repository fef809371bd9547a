import type { Admin } from '@milena/client'

export interface TopicAndGroup {
  readonly topic: string
  readonly group: string
}

/** Does `work` with a topic and a share group that nobody else uses; the topic is deleted afterwards. */
export async function withTopicAndGroup<T>(admin: Admin, work: (names: TopicAndGroup) => Promise<T>): Promise<T> {
  const run = Date.now().toString(36)
  const topic = `first-listener-${run}`
  const group = `${topic}-workers`
  await admin.createTopics([{ name: topic, numPartitions: 4 }])
  try {
    // A group that is new starts at the end of its topics unless it is told otherwise. It is the broker that has to know.
    await admin.alterGroupConfigs(group, { 'share.auto.offset.reset': 'earliest' })
    console.log(`topic ${topic} and group ${group} are set up`)
    return await work({ topic, group })
  } finally {
    await admin.deleteTopics([topic])
  }
}
