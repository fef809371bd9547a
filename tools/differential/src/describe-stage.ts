import type { Stage } from './stage.js'

const STEADY_ROUND_MS = 40
const STEADY_ROUNDS = 50

/** Start offsets and lags, as soon as they do not change any more: some state writes are awaited by no answer. */
export async function describeStage(stage: Stage): Promise<unknown> {
  const topics = [...new Set(stage.existing().map((seat) => stage.topicName(seat)))].map((topicName) => ({
    topicName,
    partitions: stage
      .existing()
      .filter((seat) => stage.topicName(seat) === topicName)
      .map((seat) => stage.partition(seat)),
  }))
  let before = ''
  for (let round = 0; round < STEADY_ROUNDS; round++) {
    const described = await stage.admin.describeOffsets(stage.groupId, topics, (topicName, partition) => {
      const seat = stage
        .existing()
        .find((each) => stage.topicName(each) === topicName && stage.partition(each) === partition)
      return seat !== undefined && stage.world.seat(seat).startIsUncertain
    })
    const text = JSON.stringify(described)
    if (text === before) return described
    before = text
    await stage.target.wait(STEADY_ROUND_MS)
  }
  return JSON.parse(before) as unknown
}
