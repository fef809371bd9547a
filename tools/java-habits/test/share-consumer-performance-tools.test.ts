import { Producer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, expect, it } from 'vitest'
import { ToolPair, type Maker, type ToolRun } from './tool-pair.js'

/** A line with what differs from run to run masked: times, rates and durations. Megabytes and counts stay. */
function masked(line: string): string {
  const columns = line.split(', ')
  if (columns.length !== 7 || !/\d{4}$/.test(columns[2] ?? '')) return line
  const [from = '', to = '', megabytes = '', , , records = '', last = ''] = columns
  for (const rate of columns.slice(3, 5)) expect(rate).toMatch(/^\d+\.\d{4}$/)
  const time = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}$/
  expect(to).toMatch(time)
  return [from.replace(time, 'T'), 'T', megabytes, 'R', 'R', records, last.replace(/^\d+/, 'D')].join(', ')
}

describeOnBrokers(
  "ShareConsumerPerformance, Java's and Milena's",
  (broker) => {
    const tools = new ToolPair()
    afterAll(() => tools.close())

    async function both(topic: string, words: readonly string[]): Promise<Record<Maker, ToolRun>> {
      const run = async (maker: Maker): Promise<ToolRun> => {
        const group = await broker.createGroup({ 'share.heartbeat.interval.ms': '100' })
        const place = ['--topic', topic, '--group', group, '--bootstrap-server', broker.bootstrapServers]
        return tools.run(maker, 'ShareConsumerPerformance', [...place, ...words])
      }
      const [java, milena] = await Promise.all([run('java'), run('milena')])
      return { java, milena }
    }

    async function topicWith(records: number): Promise<string> {
      const topic = await broker.createTopic()
      const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
      const value = 'v'.repeat(1_000)
      await Promise.all(Array.from({ length: records }, () => producer.send({ topic, key: 'key', value })))
      await producer.close()
      return topic
    }

    it('print the same header, columns and totals', { timeout: 60_000 }, async () => {
      const topic = await topicWith(2_000)
      for (const words of [
        ['--num-records', '2000'],
        ['--messages', '2000', '--hide-header', '--show-consumer-stats'],
        [
          '--num-records',
          '2000',
          '--command-property',
          'client.id=mine',
          '--show-consumer-stats',
          '--fetch-size=65536',
        ],
      ]) {
        const { java, milena } = await both(topic, [...words, '--timeout', '30000'])
        expect(milena.lines.map(masked), words.join(' ')).toEqual(java.lines.map(masked))
        expect([java.code, milena.code]).toEqual([0, 0])
      }
    })

    it(
      'report progress in the same columns, and metrics as a table of the same form',
      { timeout: 60_000 },
      async () => {
        const topic = await topicWith(2_000)
        const words = [
          '--num-records',
          '2000',
          '--timeout',
          '30000',
          '--show-detailed-stats',
          '--reporting-interval',
          '1',
        ]
        const { java, milena } = await both(topic, [...words, '--print-metrics'])
        for (const { lines } of [java, milena]) {
          const [, progress = '', ...rest] = lines
          expect(masked(progress)).toMatch(/^T, T, 0\.\d{4}, R, R, \d+, D for share consumer 1$/)
          const heading = rest.findIndex((line) => line.startsWith('Metric Name '))
          expect(rest[heading - 1]).toBe('')
          const rows = rest.slice(heading + 1)
          expect(rows.length).toBeGreaterThan(5)
          for (const row of rows) expect(row).toMatch(/^[\w-]+:[\w-]+:\{.*client-id=.*\} +: /)
        }
      },
    )

    it('warn and end with 0 when no record comes for the timeout', { timeout: 60_000 }, async () => {
      const topic = await broker.createTopic()
      const { java, milena } = await both(topic, ['--num-records', '5', '--timeout', '1500'])
      expect(milena.lines.map(masked)).toEqual(java.lines.map(masked))
      expect(milena.lines[1]).toContain('WARNING: Exiting before consuming the expected number of records')
      expect([java.code, milena.code]).toEqual([0, 0])
    })

    it('end with the same exit codes where something is wrong', { timeout: 120_000 }, async () => {
      const place = ['--topic', 't', '--bootstrap-server', broker.bootstrapServers]
      const file = tools.file('refused.properties', 'enable.auto.commit=true\n')
      const cases: [words: readonly string[], code: number][] = [
        [[], 1],
        [['--help'], 1],
        [['--version'], 0],
        [place, 1],
        [[...place, '--num-records', '1', '--messages', '1'], 1],
        [[...place, '--num-records', 'x'], 1],
        [[...place, '--num-records', '1', '--unknown'], 1],
        [[...place, '--num-records', '1', '--command-config', file], 1],
        [[...place, '--num-records', '1', '--command-config', file, '--consumer.config', file], 1],
        [[...place, '--num-records', '0', '--date-format', 'qq'], 1],
        [[...place, '--num-records', '1', '--threads', '0'], 1],
        [['-topic', 't', '-bootstrap-server', broker.bootstrapServers, '--num-records=0'], 0],
        [[...place, '--num', '0'], 1],
      ]
      for (const [words, code] of cases) {
        await Promise.all(
          (['java', 'milena'] as const).map(async (maker) => {
            const run = await tools.run(maker, 'ShareConsumerPerformance', words)
            expect(run.code, `${maker} ${words.join(' ')}\n${run.errors.join('\n')}`).toBe(code)
          }),
        )
      }
    })
  },
  // Kafka's own behaviour is the reference; tools against the embedded broker are that package's matter.
  { on: ['kafka'] },
)
