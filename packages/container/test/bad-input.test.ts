import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
} from '../src/index.js'

const factory = new DefaultShareConsumerFactory({ bootstrapServers: 'localhost:9092', groupId: 'g' })

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    expect(error).toSatisfy(KafkaUsageError.is)
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

describe('a container', () => {
  test.each([undefined, null, {}, 'localhost:9092'])(
    'without a consumer factory (%j) says how to make one',
    (given) => {
      const message = /needs a consumer factory: new DefaultShareConsumerFactory\(/
      expect(refusal(() => new ShareMessageListenerContainer(given as never, { topics: 'orders' }))).toMatch(message)
      expect(refusal(() => new ShareListenerContainerFactory({ consumerFactory: given as never }))).toMatch(message)
    },
  )

  test.each([undefined, null, 'orders'])('with properties that are none (%j) says what they look like', (given) => {
    expect(refusal(() => new ShareMessageListenerContainer(factory, given as never))).toMatch(
      /object of properties.*\{ topics: 'orders'/,
    )
  })
})

test('a container factory without options says what it needs', () => {
  expect(refusal(() => new ShareListenerContainerFactory(undefined as never))).toMatch(/needs a consumer factory/)
})

test.each([undefined, null, 'localhost:9092'])('a consumer factory made from %j says what it takes', (given) => {
  expect(refusal(() => new DefaultShareConsumerFactory(given as never))).toMatch(/takes the options of ShareConsumer/)
})
