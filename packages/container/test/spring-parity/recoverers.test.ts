import { describe, expect, it } from 'vitest'
import { REJECTING, RELEASING } from '../../src/index.js'
import { ContainerHarness, KeptLog } from '../container-harness.js'

describe('The recoverers that come with Milena', () => {
  it('6. answer REJECT (REJECTING) and RELEASE (RELEASING), and log the error with the place of the record', async () => {
    const [record] = await new ContainerHarness().run(1)
    if (record === undefined) throw new Error('no record')
    const error = new Error('bad order')
    for (const [recoverer, answer] of [
      [REJECTING, 'REJECT'],
      [RELEASING, 'RELEASE'],
    ] as const) {
      const log = new KeptLog()
      expect(recoverer(record, error, { logger: log.logger() })).toBe(answer)
      expect(log.lines).toMatchObject([
        {
          level: 'error',
          message: expect.stringContaining('orders-0@0'),
          facts: { err: error, topic: 'orders', partition: 0, offset: 0 },
        },
      ])
    }
  })

  it('6. are answered with just so: by default, and when set on the container', async () => {
    for (const [properties, answer] of [
      [{}, 'REJECT orders-0@0'],
      [{ shareConsumerRecordRecoverer: REJECTING }, 'REJECT orders-0@0'],
      [{ shareConsumerRecordRecoverer: RELEASING }, 'RELEASE orders-0@0'],
    ] as const) {
      const harness = new ContainerHarness({
        properties,
        listener: () => {
          throw new Error('bad order')
        },
      })
      await harness.run(1)
      expect(harness.engine().answers).toEqual([answer])
      await harness.container.stop()
    }
  })
})
