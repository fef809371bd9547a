import { Producer } from '@milena/client'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import { kafkaModule, startKafkaListeners, type KafkaListeners } from '../../src/index.js'
import { keptLog } from '../fake-kafka.js'
import { runWithTsx, withEsbuild, withSwc, withTsc, withVitest, type Compiler } from './compilers.js'

type Sample = typeof import('./sample-listeners.js')

const within = { timeout: 15_000, interval: 25 }
const expected = { order: { id: 'a' }, trace: 't-1', aborted: false }

let running: KafkaListeners | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

/** A topic with one order in it, and a group that starts at its beginning. */
async function prepared(broker: TestBroker) {
  const topic = await broker.createTopic({ partitions: 1 })
  const group = await broker.createGroup()
  const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic, value: '{"id":"a"}', headers: [{ key: 'trace', value: Buffer.from('t-1') }] })
  await producer.close()
  return { topic, group }
}

async function compiled(compiler: Compiler): Promise<Sample> {
  return (await import(await compiler())) as Sample
}

/** Runs one class of the compiled sample, and gives what it was called with. */
async function given(broker: TestBroker, listener: Sample['ByType'] | Sample['ByDecorator']) {
  const { topic, group } = await prepared(broker)
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: broker.bootstrapServers },
      listeners: [listener],
      logger: keptLog().logger,
      properties: { topic, group },
    }),
  )
  running = await startKafkaListeners(di)
  await vi.waitFor(() => expect(listener.given).toHaveLength(1), within)
  await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
  expect(listener.given[0]?.topic).toBe(topic)
  expect(listener.given[0]?.memberId).not.toBe('')
  return listener.given[0]
}

describeOnBrokers(
  'the decorators',
  (broker) => {
    it.each([
      ['tsc', withTsc],
      ['swc', withSwc],
      ['vitest', withVitest],
    ] as const)('compiled by %s find parameters by type, and by decorator', async (_name, compiler) => {
      const { ByType, ByDecorator } = await compiled(compiler)
      expect(await given(broker, ByType)).toMatchObject(expected)
      await running?.stop()
      expect(await given(broker, ByDecorator)).toMatchObject(expected)
    })

    it('compiled by esbuild find parameters by decorator, and say what to do about those by type', async () => {
      const { ByType, ByDecorator } = await compiled(withEsbuild)
      expect(await given(broker, ByDecorator)).toMatchObject(expected)
      await running?.stop()
      running = undefined
      await expect(given(broker, ByType)).rejects.toThrow(
        /ByType\.onOrder\(\): Its second parameter has no decorator, and the compiler emitted no parameter types \(esbuild, and so tsx, never does; .*@Ack\(\)/,
      )
    })

    it('run by tsx do the same', async () => {
      const { topic, group } = await prepared(broker)
      const told: unknown = JSON.parse(await runWithTsx(broker.bootstrapServers, topic, group))
      expect(told).toMatchObject({
        refused: expect.stringMatching(/ByType\.onOrder\(\): Its fourth parameter .* emitted no parameter types/),
        given: [{ ...expected, topic }],
      })
      expect(await broker.lag(group)).toBe(0)
    })
  },
  { on: ['embedded'] },
)
