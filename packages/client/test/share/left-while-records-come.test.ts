import { EmbeddedBroker } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { expect, it } from 'vitest'
import { ShareConsumer } from '../../src/index.js'

// An iteration that is left (return()) while a next() runs, just when its records come: at each of the turns between the
// deserialiser and the loop's body.

const TURNS = 12

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

it.each([
  ['records', 'implicit'],
  ['records', 'explicit'],
  ['batches', 'implicit'],
  ['batches', 'explicit'],
] as const)('%s() in %s mode hands out nothing after its end, and gives back what came', async (form, mode) => {
  const outcomes = new Set<string>()
  for (let turn = 0; turn < TURNS; turn++) {
    const broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(3),
      topics: ['orders'],
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    let leave: (() => Promise<unknown>) | undefined
    const consumer = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: mode,
      logger: silentLogger,
      runtime: broker.runtime,
      valueDeserializer: (value) => {
        if (leave !== undefined) void turns(turn).then(leave)
        leave = undefined
        return value
      },
    })
    consumer.subscribe(['orders'])
    const stream: AsyncIterableIterator<unknown, undefined> = consumer[form]()
    leave = async () => stream.return?.()
    const next = stream.next()
    broker.append('orders', [{ value: 'v' }])
    const { done } = await broker.advanceUntil(next)
    await broker.clock.advance(1_000)
    const state = broker.inspect().sharePartitions[0]?.records[0]?.state
    outcomes.add(`${done === true ? 'over' : 'handed out'}, ${state}`)
    await broker.advanceUntil(consumer.close())
    await broker.stop()
  }
  // A record that the loop got before is given back in implicit mode, and the application's to answer in explicit mode.
  expect([...outcomes].sort()).toEqual(
    mode === 'implicit' ? ['handed out, AVAILABLE', 'over, AVAILABLE'] : ['handed out, ACQUIRED', 'over, AVAILABLE'],
  )
})
