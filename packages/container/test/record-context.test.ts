import { describe, expect, test } from 'vitest'
import { currentRecord, recordLogFields } from '../src/index.js'
import { ContainerHarness } from './container-harness.js'

describe('the current record', () => {
  test('is known inside a listener, however deep and late, when recordContext is on', async () => {
    const contexts: unknown[] = []
    const fields: object[] = []
    const harness = new ContainerHarness({
      properties: { recordContext: true, maxInFlight: 2 },
      listener: async () => {
        fields.push(recordLogFields())
        await Promise.resolve()
        await new Promise<void>((resolve) => harness.clock.setTimer(resolve, 10))
        contexts.push(currentRecord())
      },
    })
    const [first, second] = await harness.run(2)
    await harness.clock.advance(10)
    expect(contexts).toMatchObject([
      {
        record: first,
        topic: 'orders',
        partition: 0,
        offset: 0,
        deliveryCount: 1,
        containerId: 'orders',
        clientId: 'orders-0',
      },
      { record: second, offset: 1 },
    ])
    expect(fields).toEqual([
      { container: 'orders', clientId: 'orders-0', topic: 'orders', partition: 0, offset: 0, deliveryCount: 1 },
      { container: 'orders', clientId: 'orders-0', topic: 'orders', partition: 0, offset: 1, deliveryCount: 1 },
    ])
  })

  test('has the group that the record was delivered to', async () => {
    const groups: unknown[] = []
    const harness = new ContainerHarness({
      properties: { recordContext: true, groupId: 'own' },
      listener: () => void groups.push(currentRecord()?.groupId),
    })
    await harness.run(1)
    expect(groups).toEqual(['own'])
  })

  test('is unknown outside of listeners, and where recordContext is off', async () => {
    const contexts: unknown[] = []
    const harness = new ContainerHarness({ listener: () => void contexts.push(currentRecord(), recordLogFields()) })
    await harness.run(1)
    expect(contexts).toEqual([undefined, {}])
    expect(currentRecord()).toBeUndefined()
    expect(recordLogFields()).toEqual({})
  })

  test('leaves what a listener returns and throws as it is', async () => {
    const bad = new Error('bad order')
    const asked: unknown[] = []
    const harness = new ContainerHarness({
      properties: {
        recordContext: true,
        shareConsumerRecordRecoverer: (_record, error) => (asked.push(error), 'REJECT'),
      },
      listener: ({ offset }) => {
        if (offset === 0) throw bad
        if (offset === 1) return Promise.reject(bad)
        return undefined
      },
    })
    await harness.run(3)
    expect(asked).toEqual([bad, bad])
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'REJECT orders-0@1', 'ACCEPT orders-0@2'])
  })
})

test('a container that is started inside a listener knows nothing of the record there', async () => {
  const inner: unknown[] = []
  const second = new ContainerHarness({
    listener: () => {
      inner.push(currentRecord())
      throw new Error('bad order')
    },
    properties: { shareConsumerRecordRecoverer: () => (inner.push(currentRecord()), 'REJECT') },
  })
  const first = new ContainerHarness({
    properties: { recordContext: true },
    listener: async () => {
      await second.container.start()
      second.engine().feedMany(1)
    },
  })
  await first.run(1)
  await second.settle()
  expect(inner).toEqual([undefined, undefined])
})
