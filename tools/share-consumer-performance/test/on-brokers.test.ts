import { Producer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { shareConsumerPerformance } from '../src/share-consumer-performance.js'
import { RecordedHost } from '@milena/tools-java-habits'

describeOnBrokers('ShareConsumerPerformance on Milena', (broker) => {
  async function topicWith(records: number): Promise<string> {
    const topic = await broker.createTopic({ partitions: 2 })
    const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
    const value = 'v'.repeat(1_024)
    await Promise.all(Array.from({ length: records }, (_, i) => producer.send({ topic, partition: i % 2, value })))
    await producer.close()
    return topic
  }

  const place = (topic: string, group: string) => [
    ...['--topic', topic, '--group', group, '--bootstrap-server', broker.bootstrapServers],
  ]

  it('measures several consumers together and each for itself, and acknowledges what they read', async () => {
    const topic = await topicWith(2_048)
    const group = await broker.createGroup()
    const host = new RecordedHost()
    const words = ['--num-records', '2048', '--threads', '2', '--show-consumer-stats', '--print-metrics']
    expect(await shareConsumerPerformance([...place(topic, group), ...words], host), host.complaints.join()).toBe(0)
    const [header, first = '', second = '', all = ''] = host.lines
    expect(header).toContain('data.consumed.in.nMsg, fetch.time.ms')
    expect(first).toMatch(/^Share consumer 1 having client id perf-share-consumer-client-1 consumption metrics- /)
    const countOf = (line: string) => Number(line.split(', ').at(-2))
    expect([countOf(first) + countOf(second), countOf(all)]).toEqual([2_048, 2_048])
    expect(all.split(', ')[2]).toBe('2.0000')
    expect(host.lines.filter((line) => line.startsWith('Metric Name'))).toHaveLength(2)
    await expect.poll(() => broker.lag(group), { timeout: 10_000, interval: 50 }).toBe(0)
  })

  it('ends when no record comes for the timeout, and says so', async () => {
    const topic = await topicWith(10)
    const host = new RecordedHost()
    const words = ['--messages', '11', '--timeout', '300', '--hide-header']
    expect(await shareConsumerPerformance([...place(topic, await broker.createGroup()), ...words], host)).toBe(0)
    expect(host.lines[0]).toBe('Warning: --messages is deprecated. Use --num-records instead.')
    expect(host.lines[1]).toContain('timeout (300 ms) exceeded')
    expect(host.lines[2]?.split(', ')[5]).toBe('10')
  })

  it('ends without figures when asked to', async () => {
    const topic = await broker.createTopic()
    const host = new RecordedHost('start.time')
    const words = [...place(topic, await broker.createGroup()), '--num-records', '1']
    expect(await shareConsumerPerformance(words, host)).toBe(0)
    expect(host.lines).toHaveLength(1)
  })

  it('says what is wrong on standard error', async () => {
    const wrong: [words: readonly string[], complaint: string][] = [
      [place('t', 'g'), 'exactly one of --num-records and --messages'],
      [[...place('t', 'g'), '--num-records', 'x'], "'x' is not a whole number"],
      [[...place('t', 'g'), '--num-records', '1', '--reporting-interval', '0'], '0 is not greater than 0'],
      [[...place('t', 'g'), '--num-records', '1', '--command-property', 'x'], "'x' is not of the form name=value"],
      [[...place('t', 'g'), '--num-records', '1', '--command-property', 'isolation.level=x'], 'share.isolation.level'],
      [[...place('no topic', 'g'), '--num-records', '1'], 'is not a legal topic name'],
    ]
    for (const [words, complaint] of wrong) {
      const host = new RecordedHost()
      expect(await shareConsumerPerformance(words, host), complaint).toBe(1)
      expect(host.complaints.join('\n')).toContain(complaint)
    }
  })
})
