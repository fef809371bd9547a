import { expect, test, vi } from 'vitest'
import { ContainerHarness, deferred } from './container-harness.js'

// maxInFlight bounds listener calls: what is taken beyond them would only lie about under its lock.

function fullWindow() {
  const works = [deferred(), deferred(), deferred()]
  const harness = new ContainerHarness({
    listener: ({ offset }) => works[offset]?.promise,
    properties: { maxInFlight: 3 },
  })
  return { works, harness }
}

test('nothing is taken while as many listeners run as may, until one of them ends', async () => {
  const { works, harness } = fullWindow()
  await harness.run(3)
  const engine = harness.engine()
  const { takes } = engine
  harness.engine().feedMany(1, 3)
  await harness.settle()
  expect([engine.takes, engine.outstanding, engine.bufferedRecords]).toEqual([takes, 3, 1])
  works[0]?.resolve()
  await harness.settle()
  expect(engine.takes).toBeGreaterThan(takes)
  expect(engine.bufferedRecords).toBe(0)
  for (const work of works) work.resolve()
  await harness.settle()
})

test('a listener whose record has lost its lock takes up its place as long as it runs', async () => {
  const { works, harness } = fullWindow()
  const [lost] = await harness.run(3)
  if (lost === undefined) throw new Error('nothing came')
  const engine = harness.engine()
  const take = vi.spyOn(engine, 'take')
  engine.lose(lost)
  await harness.settle()
  expect(take).not.toHaveBeenCalled()
  works[1]?.resolve()
  await harness.settle()
  // One is out with its lock, one without it, one may come.
  expect(engine.outstanding).toBe(1)
  expect(take.mock.lastCall?.[0]?.maxInFlight).toBe(2)
  for (const work of works) work.resolve()
  await harness.settle()
})
