import { Producer } from '@milena/client'
import { describeOnClusters } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { shareConsumerPerformance } from '../src/share-consumer-performance.js'

describeOnClusters('ShareConsumerPerformance on Milena', { brokers: 1 }, (cluster) => {
  it('tells its figures, and ends with 0, also where no broker is left', { timeout: 30_000 }, async () => {
    const topic = await cluster.createTopic()
    const producer = new Producer({ bootstrapServers: cluster.bootstrapServers })
    await producer.send({ topic, value: 'v' })
    await producer.close()
    const lines: string[] = []
    const complaints: string[] = []
    const host = {
      print: (line: string) => {
        lines.push(line)
        if (line.includes('for share consumer')) void cluster.brokers[0]?.kill()
      },
      complain: (line: string) => void complaints.push(line),
      stop: new AbortController().signal,
    }
    const place = ['--topic', topic, '--group', await cluster.createGroup()]
    const words = ['--num-records', '2', '--timeout', '1000', '--show-detailed-stats', '--reporting-interval', '1']
    const code = await shareConsumerPerformance(
      [
        ...[...place, ...words, '--bootstrap-server', cluster.bootstrapServers],
        ...['--command-property', 'default.api.timeout.ms=1000'],
      ],
      host,
    )
    expect(lines.at(-1)).toMatch(/, 1, \d+$/)
    expect(complaints).toHaveLength(1)
    expect(code).toBe(0)
  })
})
