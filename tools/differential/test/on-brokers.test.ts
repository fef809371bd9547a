import { describeOnBrokers } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { describeDifference } from '../src/compare.js'
import { runDifferential } from '../src/differential.js'
import { embeddedTarget } from '../src/embedded-target.js'
import { kafkaTarget } from '../src/kafka-target.js'

const SEED = 20
const SEQUENCES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]

describeOnBrokers(
  'the embedded broker beside Kafka',
  (broker) => {
    it('answers fixed sequences of random requests as Kafka does', { timeout: 120_000 }, async () => {
      const [host = '', port = ''] = broker.bootstrapServers.split(':')
      const { outcomes, failures } = await runDifferential({
        seed: SEED,
        sequences: SEQUENCES,
        steps: 100,
        parallel: 4,
        prefix: broker.uniqueName('differential'),
        openKafka: async () => kafkaTarget({ host, port: Number(port) }),
        openSubject: () => embeddedTarget({ 'group.share.min.record.lock.duration.ms': '1000' }),
      })
      const reports = outcomes.flatMap(({ sequence, kafka, difference }) =>
        difference === undefined
          ? []
          : [
              `sequence ${sequence.index}: pnpm differential --seed ${SEED} --sequence ${sequence.index} --verbose\n` +
                describeDifference(difference, kafka, ['kafka', 'embedded'], 10),
            ],
      )
      expect(failures).toEqual([])
      expect(reports.join('\n\n')).toBe('')
      expect(outcomes).toHaveLength(SEQUENCES.length)
    })
  },
  { on: ['kafka'] },
)
