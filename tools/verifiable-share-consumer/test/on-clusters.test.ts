import { Producer } from '@milena/client'
import { describeOnClusters } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { verifiableShareConsumer } from '../src/verifiable-share-consumer.js'

describeOnClusters('VerifiableShareConsumer on Milena', { brokers: 1 }, (cluster) => {
  it('ends with its last line also where no broker is left', { timeout: 30_000 }, async () => {
    const topic = await cluster.createTopic()
    const producer = new Producer({ bootstrapServers: cluster.bootstrapServers })
    await producer.send({ topic, value: 'v' })
    await producer.close()
    const stop = new AbortController()
    const lines: string[] = []
    const complaints: string[] = []
    const host = {
      print: (line: string) => {
        lines.push(line)
        if (line.includes('offsets_acknowledged')) void cluster.brokers[0]?.kill().then(() => stop.abort())
      },
      complain: (line: string) => void complaints.push(line),
      stop: stop.signal,
    }
    const place = ['--topic', topic, '--group-id', await cluster.createGroup()]
    expect(
      await verifiableShareConsumer(
        [...place, '--bootstrap-server', cluster.bootstrapServers, '--acknowledgement-mode', 'sync'],
        host,
      ),
    ).toBe(0)
    expect(lines.at(-1)).toContain('shutdown_complete')
    expect(complaints.join()).toContain('did not close cleanly')
  })
})
