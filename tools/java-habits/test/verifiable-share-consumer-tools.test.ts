import { Producer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, expect, it } from 'vitest'
import { ToolPair, type Ending, type Maker, type ToolRun } from './tool-pair.js'

interface Event {
  readonly timestamp: number
  readonly name: string
  readonly count?: number
  readonly partitions?: readonly { readonly topic: string; readonly partition: number; readonly offsets: number[] }[]
}

const eventsOf = (run: ToolRun): Event[] =>
  // Java's log goes to standard output, too.
  run.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Event)

/** The lines with all that must be equal: keys in their order, values, offsets sorted (Java's come from a hash set). */
const linesOf = (run: ToolRun): string[] =>
  eventsOf(run).map(({ timestamp, ...event }) => {
    expect(timestamp).toBeGreaterThan(1_700_000_000_000)
    for (const { offsets } of event.partitions ?? []) offsets.sort((a, b) => a - b)
    return JSON.stringify({ timestamp: 'T', ...event })
  })

function offsetsIn(run: ToolRun, name: string): Record<string, number[]> {
  const offsets: Record<string, number[]> = {}
  for (const event of eventsOf(run)) {
    if (event.name !== name) continue
    for (const each of event.partitions ?? []) (offsets[each.partition] ??= []).push(...each.offsets)
  }
  for (const list of Object.values(offsets)) list.sort((a, b) => a - b)
  return offsets
}

describeOnBrokers(
  "VerifiableShareConsumer, Java's and Milena's",
  (broker) => {
    const tools = new ToolPair()
    afterAll(() => tools.close())

    async function topicWith(partitions: number, records: number): Promise<string> {
      const topic = await broker.createTopic({ partitions })
      const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
      for (let partition = 0; partition < partitions; partition += 1) {
        await Promise.all(
          Array.from({ length: records }, (_, i) =>
            producer.send({ topic, partition, key: i % 3 === 0 ? null : `k${i}`, value: `"é\t${partition}-${i}` }),
          ),
        )
      }
      await producer.close()
      return topic
    }

    /** Both tools with the same flags, each with a group of its own. Fetches of one size make their events comparable one by one. */
    async function both(topic: string, words: readonly string[], ending?: Ending): Promise<Record<Maker, ToolRun>> {
      const config = tools.file('same-fetches.properties', 'max.poll.records=500\nshare.acquire.mode=batch_optimized\n')
      const run = async (maker: Maker): Promise<ToolRun> => {
        const group = await broker.createGroup({ 'share.heartbeat.interval.ms': '100' })
        const place = ['--topic', topic, '--group-id', group, '--bootstrap-server', broker.bootstrapServers]
        return tools.run(maker, 'VerifiableShareConsumer', [...place, '--command-config', config, ...words], ending)
      }
      const [java, milena] = await Promise.all([run('java'), run('milena')])
      return { java, milena }
    }

    it('print the same lines in every acknowledgement mode', { timeout: 120_000 }, async () => {
      const topic = await topicWith(1, 60)
      for (const mode of [['--acknowledgement-mode', 'sync', '--verbose'], ['--acknowledgement-mode', 'ASYNC'], []]) {
        const { java, milena } = await both(topic, [
          ...['--max-messages', '60', '--offset-reset-strategy', 'earliest'],
          ...mode,
        ])
        expect(linesOf(milena), mode.join(' ')).toEqual(linesOf(java))
        expect(linesOf(milena).at(-1)).toContain('shutdown_complete')
        expect([java.code, milena.code]).toEqual([0, 0])
      }
    })

    it('tell the same offsets of several partitions', { timeout: 60_000 }, async () => {
      const topic = await topicWith(3, 200)
      const { java, milena } = await both(topic, ['--max-messages', '600', '--acknowledgement-mode', 'sync'])
      for (const name of ['records_consumed', 'offsets_acknowledged'])
        expect(offsetsIn(milena, name), name).toEqual(offsetsIn(java, name))
      expect(Object.values(offsetsIn(milena, 'offsets_acknowledged')).flat()).toHaveLength(600)
    })

    it('end cleanly on signals, with the same last lines and exit codes', { timeout: 60_000 }, async () => {
      const topic = await topicWith(1, 20)
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
      ] as const) {
        const words = ['--acknowledgement-mode', 'sync']
        const { java, milena } = await both(topic, words, { after: 'offsets_acknowledged', signal })
        expect(linesOf(milena), signal).toEqual(linesOf(java))
        expect([java.code, milena.code]).toEqual([code, code])
      }
    })

    it('tell no offset as acknowledged that they give back when they end', { timeout: 60_000 }, async () => {
      const topic = await topicWith(2, 1_000)
      const runs = await both(topic, [], { after: 'records_consumed', signal: 'SIGTERM' })
      for (const [maker, run] of Object.entries(runs))
        expect(offsetsIn(run, 'offsets_acknowledged'), maker).toEqual(offsetsIn(run, 'records_consumed'))

      const explicit = 'max.poll.records=500\nshare.acquire.mode=batch_optimized\nshare.acknowledgement.mode=explicit\n'
      const words = ['--command-config', tools.file('explicit.properties', explicit)]
      const { java, milena } = await both(await topicWith(1, 20), words)
      expect(linesOf(milena)).toEqual(linesOf(java))
      expect(eventsOf(milena).map(({ name }) => name)).toEqual([
        'startup_complete',
        'records_consumed',
        'shutdown_complete',
      ])
      expect([java.code, milena.code]).toEqual([0, 0])
    })

    it('leave with the same exit codes and events where something is wrong', { timeout: 120_000 }, async () => {
      const topic = await topicWith(1, 1)
      const place = ['--topic', topic, '--group-id', 'g', '--bootstrap-server', broker.bootstrapServers]
      const refused = tools.file('refused.properties', 'enable.auto.commit=true\n')
      const wrong = tools.file('wrong.properties', 'max.poll.records=abc\n')
      const overridden = tools.file(
        'overridden.properties',
        'group.id=other\nbootstrap.servers=nowhere:1\nsecurity.protocol=PLAINTEXT\nkey.deserializer=org.example.None\n',
      )
      const cases: [words: readonly string[], code: number, events: readonly string[]][] = [
        [[], 0, []],
        [['--help'], 1, []],
        [['--topic', topic, '--group-id', 'g'], 1, []],
        [[...place, '--unknown'], 1, []],
        [[...place, 'stray'], 1, []],
        [[...place, '--max-messages'], 1, []],
        [[...place, '--max-messages', 'many'], 1, []],
        [[...place, '--max-messages', '3000000000'], 1, []],
        [[...place, '--acknowledgement-mode', 'never'], 1, []],
        [[...place, '--command-config', beside(tools, 'missing')], 1, []],
        [[...place, '--command-config', refused], 1, []],
        [[...place, '--command-config', wrong], 1, []],
        [[...place, '--bootstrap-server', 'nowhere:x'], 1, []],
        [[...place, '--group-id', ''], 1, []],
        [[...place, '--command-config', overridden, '--max', '0'], 0, ['startup_complete', 'shutdown_complete']],
        [[...place, '--offset-reset-strategy', 'middle'], 0, ['startup_complete', 'shutdown_complete']],
        [[...place, '--topic='], 0, ['startup_complete', 'shutdown_complete']],
        [
          [...place, '--offset-reset=LATEST', '--max-messages=0', '--verb'],
          0,
          ['startup_complete', 'offset_reset_strategy_set', 'shutdown_complete'],
        ],
      ]
      for (const [words, code, events] of cases) {
        await Promise.all(
          (['java', 'milena'] as const).map(async (maker) => {
            const run = await tools.run(maker, 'VerifiableShareConsumer', words)
            const about = `${maker} ${words.join(' ')}\n${run.errors.join('\n')}`
            expect([run.code, eventsOf(run).map(({ name }) => name)], about).toEqual([code, events])
          }),
        )
      }
    })
  },
  // Kafka's own behaviour is the reference; tools against the embedded broker are that package's matter.
  { on: ['kafka'] },
)

function beside(tools: ToolPair, name: string): string {
  return `${tools.file('neighbour', '')}-${name}`
}
