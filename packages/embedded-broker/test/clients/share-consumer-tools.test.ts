import { expect, it } from 'vitest'
import { describeKafkaTools, type ToolRun } from './kafka-tools.js'
import { numbered, produce } from './kafkajs-client.js'

interface ShareConsumerEvent {
  readonly name: string
  readonly count?: number
  readonly partitions?: readonly { readonly topic: string; readonly partition: number; readonly offsets: number[] }[]
}

/** The offsets, by partition, in the events of a name that VerifiableShareConsumer printed. */
function offsetsIn(run: ToolRun, name: string): Record<number, number[]> {
  const offsets: Record<number, number[]> = {}
  for (const line of run.lines) {
    const event = JSON.parse(line) as ShareConsumerEvent
    if (event.name !== name) continue
    for (const each of event.partitions ?? []) (offsets[each.partition] ??= []).push(...each.offsets)
  }
  for (const list of Object.values(offsets)) list.sort((a, b) => a - b)
  return offsets
}

const upTo = (count: number) => Array.from({ length: count }, (_, offset) => offset)

describeKafkaTools("Kafka's share consumer tools", (broker, tools) => {
  // A member learns its partitions with the heartbeat after its first; Kafka's usual interval is 5 s.
  const createGroup = (configs: Readonly<Record<string, string>> = {}) =>
    broker.createGroup({ 'share.heartbeat.interval.ms': '100', ...configs })

  const untilLag = (group: string, lag: number) =>
    expect.poll(() => broker.lag(group), { timeout: 10_000, interval: 50 }).toBe(lag)

  it('ShareConsumerPerformance reads every record once, over threads and partitions', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 3 })
    for (const partition of [0, 1, 2]) await produce(broker, topic, numbered('value-', 1_000), partition)
    const group = await createGroup()
    const run = await tools.run('ShareConsumerPerformance', [
      ...['--topic', topic, '--group', group, '--num-records', '3000', '--threads', '2', '--timeout', '60000'],
    ])
    const [header, figures] = run.lines
    expect(header, run.output).toContain('data.consumed.in.nMsg, fetch.time.ms')
    expect(figures?.split(', ')[5]).toBe('3000')
    await untilLag(group, 0)
  })

  it('VerifiableShareConsumer consumes and acknowledges every record in each mode', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    await produce(broker, topic, numbered('a', 60), 0)
    await produce(broker, topic, numbered('b', 40), 1)
    const consume = async (mode: string) => {
      const group = broker.uniqueName('group')
      await broker.setGroupConfig(group, { 'share.heartbeat.interval.ms': '100' })
      const run = await tools.run('VerifiableShareConsumer', [
        ...['--topic', topic, '--group-id', group, '--max-messages', '100'],
        ...['--acknowledgement-mode', mode, '--offset-reset-strategy', 'earliest'],
      ])
      expect(run.code, run.output).toBe(0)
      expect(offsetsIn(run, 'records_consumed'), mode).toEqual({ 0: upTo(60), 1: upTo(40) })
      expect(offsetsIn(run, 'offsets_acknowledged'), mode).toEqual({ 0: upTo(60), 1: upTo(40) })
      expect(JSON.parse(run.lines.at(-1) ?? '')).toMatchObject({ name: 'shutdown_complete' })
      await untilLag(group, 0)
    }
    await consume('sync')
    // These two learn of their last acknowledgements with a poll of 5 s: together they wait once.
    await Promise.all([consume('auto'), consume('async')])
  })

  it('ConsoleShareConsumer accepts, releases and rejects, and shows delivery counts', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 6))
    const group = await createGroup()
    const console = async (max: number, ...args: string[]) => {
      const run = await tools.run('consumer.ConsoleShareConsumer', [
        ...['--topic', topic, '--group', group, '--max-messages', String(max)],
        ...['--formatter-property', 'print.offset=true', '--formatter-property', 'print.delivery=true', ...args],
      ])
      expect(run.output).toContain(`Processed a total of ${max} messages`)
      return run.lines.filter((line) => line.startsWith('Offset:'))
    }
    const printed = (offsets: readonly number[], delivery: number) =>
      offsets.map((offset) => `Offset:${offset}\tDelivery:${delivery}\tvalue-${offset}`)

    expect(await console(6, '--release')).toEqual(printed([0, 1, 2, 3, 4, 5], 1))
    await untilLag(group, 6)
    expect(await console(2, '--reject')).toEqual(printed([0, 1], 2))
    await untilLag(group, 4)
    // All of them had been acquired; those that were not looked at come back.
    expect(await console(4)).toEqual(printed([2, 3, 4, 5], 3))
    await untilLag(group, 0)
  })

  it('ConsoleShareConsumer no longer gets a record that was released too often', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, ['poison'])
    const group = await createGroup({ 'share.delivery.count.limit': '2' })
    const args = ['--topic', topic, '--group', group, '--release', '--timeout-ms', '2000']
    const run = await tools.run('consumer.ConsoleShareConsumer', [
      ...args,
      ...['--formatter-property', 'print.delivery=true'],
    ])
    expect(run.lines.filter((line) => line.startsWith('Delivery:'))).toEqual([
      'Delivery:1\tpoison',
      'Delivery:2\tpoison',
    ])
    expect(run.output).toContain('Processed a total of 2 messages')
    await untilLag(group, 0)
  })
})
