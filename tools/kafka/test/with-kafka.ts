import { describe, it } from 'vitest'
import { kafkaClassPath } from '../src/kafka-jars.js'
import { KafkaUnavailableError } from '../src/unavailable-error.js'

declare module 'vitest' {
  interface TaskMeta {
    broker?: 'embedded' | 'kafka'
    brokerNotRun?: string
  }
}

/**
 * A suite over a real Kafka: reported as not run where there is no Java or Maven, unless MILENA_REQUIRE_KAFKA=1.
 * (describeOnBrokers is built on this package, so its own tests cannot use it; the reporter counts them as Kafka's all the same.)
 */
export function describeWithKafka(name: string, suite: () => void): void {
  describe(name, { meta: { broker: 'kafka' } }, async () => {
    try {
      await kafkaClassPath('broker', (line) => process.stderr.write(`kafka: ${line}\n`))
    } catch (error) {
      if (process.env['MILENA_REQUIRE_KAFKA'] === '1' || !(error instanceof KafkaUnavailableError)) throw error
      it('is not run', { meta: { brokerNotRun: error.message } }, (context) => context.skip(error.message))
      return
    }
    suite()
  })
}
