import { Producer } from '@milena/client'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import { kafkaModule, startKafkaListeners, type KafkaListeners } from '../../src/index.js'
import { keptLog } from '../fake-kafka.js'
import { runWithTsx, withEsbuild, withSwc, withTsc, withVitest, type Compiler, type Samples } from './compilers.js'

/** Those that tell types at run time. `erased` is what they leave of a class that was imported as a type. */
const withMetadata: readonly { readonly name: string; readonly compile: Compiler; readonly erased: unknown }[] = [
  { name: 'tsc 5 to ES modules', compile: withTsc('typescript-5', 'module'), erased: Function },
  { name: 'tsc 5 to CommonJS', compile: withTsc('typescript-5', 'commonjs'), erased: Function },
  { name: 'tsc 7 to ES modules', compile: withTsc('typescript', 'module'), erased: Function },
  { name: 'tsc 7 to CommonJS', compile: withTsc('typescript', 'commonjs'), erased: Function },
  { name: 'swc to ES modules', compile: withSwc('es6'), erased: Object },
  { name: 'swc to CommonJS', compile: withSwc('commonjs'), erased: Object },
  { name: 'vitest', compile: withVitest, erased: Object },
]

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

type Listener = Samples[keyof Samples]['ByType' | 'ByDecorator']

/** Starts one class of a compiled sample, and gives the topic that it listens to and the lag of its group. */
async function started(broker: TestBroker, listener: Listener) {
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
  return { topic, lag: () => broker.lag(group) }
}

/** Runs one class of a compiled sample, and gives what it was called with. */
async function given(broker: TestBroker, listener: Samples['sample-listeners']['ByType' | 'ByDecorator']) {
  const { topic, lag } = await started(broker, listener)
  await vi.waitFor(() => expect(listener.given).toHaveLength(1), within)
  await vi.waitFor(async () => expect(await lag()).toBe(0), within)
  expect(listener.given[0]?.topic).toBe(topic)
  expect(listener.given[0]?.memberId).not.toBe('')
  return listener.given[0]
}

describeOnBrokers(
  'the decorators',
  (broker) => {
    it.each(withMetadata)('compiled by $name find parameters by type, and by decorator', async ({ compile }) => {
      const { ByType, ByDecorator } = await compile('sample-listeners')
      expect(await given(broker, ByType)).toMatchObject(expected)
      await running?.stop()
      expect(await given(broker, ByDecorator)).toMatchObject(expected)
    })

    it.each(withMetadata)(
      'compiled by $name never guess at a class that was imported as a type, and take its decorator at its word',
      async ({ compile, erased }) => {
        const { ByType, ByDecorator } = await compile('sample-type-imports')
        const told = await started(broker, ByType).then(() => 'started', String)
        for (const method of ['onRecord', 'onAcknowledgment', 'onConsumer']) {
          expect(Reflect.getMetadata('design:paramtypes', ByType.prototype, method)).toEqual([erased])
          expect(told).toMatch(
            new RegExp(
              `ByType\\.${method}\\(\\): Its first parameter has no decorator, and nothing is left of its type .*"import type"\\)\\. Import a class without "type"`,
            ),
          )
        }
        expect(await given(broker, ByDecorator)).toMatchObject(expected)
      },
    )

    it('compiled by esbuild find parameters by decorator, and say what to do about those by type', async () => {
      const values = await withEsbuild('sample-listeners')
      expect(await given(broker, values.ByDecorator)).toMatchObject(expected)
      await running?.stop()
      await expect(started(broker, values.ByType)).rejects.toThrow(
        /ByType\.onOrder\(\): Its second parameter has no decorator, and the compiler emitted no parameter types \(esbuild, and so tsx, never does; .*@Ack\(\)/,
      )
      const types = await withEsbuild('sample-type-imports')
      expect(await given(broker, types.ByDecorator)).toMatchObject(expected)
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
