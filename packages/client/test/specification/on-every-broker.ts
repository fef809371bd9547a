import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { it } from 'vitest'
import { RealGroups } from '../share/real-group.js'

/** One sentence of the specification, shown at a broker. */
export type Sentence = (sentence: string, test: (groups: RealGroups, broker: TestBroker) => Promise<void>) => void

/**
 * What a real broker can show of a heading: on the embedded broker and on Kafka, each with one broker and with three. The
 * sentences are tested side by side, each with consumers of its own.
 */
export function onEveryBroker(heading: string, suite: (sentence: Sentence, broker: TestBroker) => void): void {
  describeOnBrokers(
    heading,
    (broker) => {
      suite((sentence, test) => {
        it.concurrent(sentence, async () => {
          const groups = new RealGroups(broker)
          try {
            await test(groups, broker)
          } catch (failure) {
            // What the consumers warned of meanwhile is half of the story.
            if (groups.warnings.length > 0) console.error(`${sentence}: ${groups.warnings.join('\n  ')}`)
            throw failure
          } finally {
            await groups.close()
          }
        })
      }, broker)
    },
    { brokers: [1, 3] },
  )
}
