import type { ConsumerRecord } from '@milena/client'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, expect, test } from 'vitest'
import { DelayedAnswers } from '../src/delayed-answers.js'

const LOCK_MS = 30_000

let clock: VirtualClock
let answers: DelayedAnswers<unknown, unknown>
let answeredAt: number[]

beforeEach(() => {
  clock = new VirtualClock()
  answeredAt = []
  answers = new DelayedAnswers({
    clock,
    logger: silentLogger,
    answer: () => answeredAt.push(clock.now()),
    onAnswered: () => undefined,
  })
})

/** A record whose lock seems to end at a slightly different time with each look, as it does where two clocks are read. */
function jittering(jitterMs: readonly number[]): ConsumerRecord<unknown, unknown> {
  const end = clock.wallTime() + LOCK_MS
  let looks = 0
  const record = { topic: 'orders', partition: 0, offset: 7 }
  Object.defineProperty(record, 'lockExpiresAt', { get: () => end + (jitterMs[looks++ % jitterMs.length] ?? 0) })
  return record as ConsumerRecord<unknown, unknown>
}

test('a lock whose end jitters by a millisecond is no renewed one: the margin is kept free', async () => {
  answers.hold(jittering([0, 0.9, 0.4, 1]), 'RELEASE', 60_000)
  await clock.advance(LOCK_MS)
  expect(answeredAt).toHaveLength(1)
  expect(answeredAt[0]).toBeLessThanOrEqual(LOCK_MS - 998)
})
