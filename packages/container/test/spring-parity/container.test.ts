import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  ConsumerStoppedEvent,
  REJECTING,
  RELEASING,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
  type ContainerProperties,
} from '../../src/index.js'
import { ContainerHarness, deferred, outcomeOf } from '../container-harness.js'
import { quickly, told, warmUp } from '../virtual-bench.js'

beforeAll(warmUp)

/** A container of these properties as it was resolved. */
const propertiesOf = (properties: ContainerProperties) =>
  new ContainerHarness({ properties }).container.containerProperties

const unsupported = new KafkaError('too old', { code: 'UNSUPPORTED_VERSION' })

describe('The acknowledgement mode of a container', () => {
  it('28. is EXPLICIT by default; MANUAL and IMPLICIT can be set; explicitShareAcknowledgment maps to them, with a warning', () => {
    expect(propertiesOf({}).shareAckMode).toBe('EXPLICIT')
    expect(new ContainerHarness().log.at('warn')).toEqual([])
    for (const shareAckMode of ['EXPLICIT', 'MANUAL', 'IMPLICIT'] as const) {
      expect(propertiesOf({ shareAckMode }).shareAckMode).toBe(shareAckMode)
    }
    for (const [explicitShareAcknowledgment, mode, other] of [
      [true, 'MANUAL', 'EXPLICIT'],
      [false, 'EXPLICIT', 'MANUAL'],
    ] as const) {
      const { container, log } = new ContainerHarness({ properties: { explicitShareAcknowledgment } })
      expect(container.containerProperties.shareAckMode).toBe(mode)
      expect(log.at('warn').map(({ message }) => message)).toEqual([
        expect.stringMatching(new RegExp(`explicitShareAcknowledgment is deprecated.*shareAckMode.*${mode}`)),
      ])
      expect(() => propertiesOf({ explicitShareAcknowledgment, shareAckMode: other })).toThrow(KafkaUsageError)
    }
  })

  it('29. MANUAL fails the start of a container whose listener takes no acknowledgment, before anything joins; not of one that does', async () => {
    const properties = { shareAckMode: 'MANUAL' } as const
    const harness = new ContainerHarness({ properties, listener: () => undefined })
    const error = await harness.container.start().catch((reason: unknown) => reason)
    expect(KafkaUsageError.is(error)).toBe(true)
    expect(error).toMatchObject({ message: expect.stringMatching(/'orders'.*MANUAL.*acknowledgment/s) })
    expect(harness.factory.consumers).toEqual([])
    expect(harness.container.isRunning).toBe(false)

    for (const listener of [{ onMessage: () => undefined }, (record: unknown) => void record]) {
      const { container } = harness
      container.setupMessageListener(listener)
      await expect(container.start()).rejects.toThrow(KafkaUsageError)
    }
    for (const listener of [
      { onShareRecord: () => undefined },
      (record: unknown, acknowledgment: unknown) => void [record, acknowledgment],
    ]) {
      const { container } = new ContainerHarness({ properties })
      container.setupMessageListener(listener)
      await container.start()
      expect(container.isRunning).toBe(true)
      await container.stop()
    }
  })
})

describe('A container at rest', () => {
  it('30. refuses a concurrency below 1, or not whole, and says so with its name', () => {
    for (const concurrency of [0, -1, 1.5, Number.NaN]) {
      const wrong = new RegExp(`^Container 'orders'.*concurrency`)
      expect(() => propertiesOf({ concurrency })).toThrow(wrong)
      const { container } = new ContainerHarness()
      expect(() => {
        container.concurrency = concurrency
      }).toThrow(wrong)
      expect(container.concurrency).toBe(1)
    }
  })

  it('31. has the name that it was given, or a default one; it does not run before start()', () => {
    const harness = new ContainerHarness({ properties: { id: 'invoices' } })
    expect(harness.container.id).toBe('invoices')
    const unnamed = new ShareMessageListenerContainer(harness.factory, { topics: 'orders' })
    expect(unnamed.id).toBe('share-container')
    for (const { isRunning, state } of [harness.container, unnamed]) {
      expect({ isRunning, state }).toEqual({ isRunning: false, state: 'stopped' })
    }
    expect(harness.factory.consumers).toEqual([])
  })

  it('32. rejects by default, has a recoverer of its own, or that of its factory', async () => {
    const throwing = () => {
      throw new Error('bad order')
    }
    const answersOf = async (harness: ContainerHarness, container = harness.container) => {
      container.setupMessageListener(throwing)
      await container.start()
      harness.engine().feedMany(1)
      await harness.settle()
      return harness.engine().answers
    }
    expect(await answersOf(new ContainerHarness())).toEqual(['REJECT orders-0@0'])
    expect(await answersOf(new ContainerHarness({ properties: { shareConsumerRecordRecoverer: RELEASING } }))).toEqual([
      'RELEASE orders-0@0',
    ])
    const later = new ContainerHarness()
    later.container.setShareConsumerRecordRecoverer(() => 'ACCEPT')
    expect(await answersOf(later)).toEqual(['ACCEPT orders-0@0'])
    expect(() => later.container.setShareConsumerRecordRecoverer(REJECTING)).toThrow(/running/)

    for (const [own, answer] of [
      [undefined, 'RELEASE orders-0@0'],
      [REJECTING, 'REJECT orders-0@0'],
    ] as const) {
      const harness = new ContainerHarness()
      const { container } = harness
      const factory = new ShareListenerContainerFactory<string, unknown>({
        consumerFactory: harness.factory,
        shareConsumerRecordRecoverer: RELEASING,
        logger: harness.log.logger(),
        runtime: harness.runtime,
      })
      const made = factory.createContainer('orders')
      if (own !== undefined) made.setShareConsumerRecordRecoverer(own)
      expect(await answersOf(harness, made)).toEqual([answer])
      expect(container.isRunning).toBe(false)
    }
  })
})

describe('The consumer of a container', () => {
  it('33. is put into the mode that the container needs, whatever the configuration of the factory says', async () => {
    for (const [shareAckMode, asked] of [
      ['EXPLICIT', 'explicit'],
      ['MANUAL', 'explicit'],
      ['IMPLICIT', 'implicit'],
    ] as const) {
      const harness = new ContainerHarness({ properties: { shareAckMode }, acknowledging: shareAckMode === 'MANUAL' })
      await harness.container.start()
      expect(harness.factory.at(0).request.acknowledgementMode).toBe(asked)
    }
  })

  quickly(
    '33. so a record is released at the broker though the factory says implicit, and a warning tells of the conflict',
    async (bench) => {
      const deliveries: string[] = []
      bench.append(1)
      await bench.container(
        (record) => {
          deliveries.push(told(record))
          if (record.deliveryCount === 1) throw new Error('again')
        },
        { shareConsumerRecordRecoverer: RELEASING },
        { properties: { 'share.acknowledgement.mode': 'implicit' } },
      )
      await bench.untilFinished(1)
      expect(deliveries).toEqual(['v0 1', 'v0 2'])
      expect(bench.log.at('warn')).toMatchObject([{ facts: { given: 'implicit', used: 'explicit' } }])
    },
  )

  it('34. has its answers confirmed before the next batch (commitSync), or not, with syncShareCommits false (commitAsync)', async () => {
    for (const [syncShareCommits, before] of [
      [undefined, 2],
      [true, 2],
      [false, 4],
    ] as const) {
      const seen: number[] = []
      const harness = new ContainerHarness({
        properties: { syncShareCommits },
        listener: ({ offset }) => void seen.push(offset),
      })
      await harness.container.start()
      harness.engine().autoConfirm = false
      harness.engine().feedMany(2)
      harness.engine().feedMany(2, 2)
      await harness.settle()
      expect(seen).toHaveLength(before)
      harness.engine().confirm()
      await harness.settle()
      expect(seen).toEqual([0, 1, 2, 3])
    }
  })

  it('36. has no commit callback by default; an own one hears every verdict; failures are told in either commit mode', async () => {
    expect(propertiesOf({}).acknowledgementCommitCallback).toBeUndefined()
    const own = (): void => undefined
    expect(propertiesOf({ acknowledgementCommitCallback: own }).acknowledgementCommitCallback).toBe(own)

    const gone = new KafkaError('the lock was gone', { code: 'INVALID_RECORD_STATE' })
    for (const syncShareCommits of [true, false]) {
      for (const withCallback of [true, false]) {
        const heard: unknown[] = []
        const harness = new ContainerHarness({
          properties: {
            syncShareCommits,
            ...(withCallback ? { acknowledgementCommitCallback: ({ error }) => void heard.push(error) } : {}),
          },
        })
        await harness.run(1)
        harness.engine().autoConfirm = false
        harness.engine().feedMany(1, 1)
        await harness.settle()
        harness.engine().confirm(gone)
        await harness.settle()
        expect(heard).toEqual(withCallback ? [undefined, gone] : [])
        expect(harness.events.filter(({ type }) => type === 'acknowledgmentFailed')).toMatchObject([
          { topic: 'orders', partition: 0, ranges: [{ firstOffset: 1, lastOffset: 1 }], cause: gone },
        ])
        expect(harness.log.lines.filter(({ facts }) => facts['err'] === gone)).toHaveLength(1)
        await harness.container.stop()
      }
    }
  })
})

describe('The life of a container', () => {
  it('35. start() waits until every consumer runs', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 3 } })
    const joined = [deferred(), deferred(), deferred()]
    harness.factory.prepare = ({ engine }, index) => {
      engine.whenJoined = () => joined[index]?.promise ?? Promise.resolve()
    }
    const starting = harness.container.start()
    for (const each of joined) {
      await harness.settle()
      expect(await outcomeOf(starting)).toBe('pending')
      expect(harness.container.isRunning).toBe(false)
      each.resolve()
    }
    await starting
    expect(harness.container.isRunning).toBe(true)
    expect(harness.story.filter((each) => each.startsWith('consumerStarted'))).toHaveLength(3)
  })

  it('37. is told in events: all four in order with NORMAL on a stop, ERROR or ABNORMAL by what ended a member, failed-to-start once', async () => {
    const normal = new ContainerHarness()
    normal.container.on('consumerStarting', () => expect(normal.engine().takes).toBe(0))
    normal.container.on('consumerStarted', () => expect(normal.engine().takes).toBe(0))
    normal.container.on('shareConsumerStopping', ({ consumer }) => {
      expect(consumer).toBe(normal.factory.at(0))
      expect(normal.factory.at(0).closed).toBeUndefined()
    })
    normal.container.on('consumerStopped', () => expect(normal.factory.at(0).closed).toBeDefined())
    await normal.run(1)
    await normal.container.stop()
    expect(normal.log.at('error')).toEqual([])
    expect(normal.story).toEqual([
      'consumerStarting 0',
      'consumerStarted 0',
      'shareConsumerStopping 0',
      'consumerStopped 0',
    ])
    expect(normal.events.at(-1)).toMatchObject({ reason: 'NORMAL', cause: undefined })

    for (const [cause, reason] of [
      [new TypeError('undefined is not a function'), 'ERROR'],
      [unsupported, 'ABNORMAL'],
    ] as const) {
      const harness = new ContainerHarness()
      await harness.run(1)
      harness.engine().failTake(cause)
      await harness.settle()
      const stopped = harness.events.filter((event) => event instanceof ConsumerStoppedEvent)
      expect(stopped).toMatchObject([{ reason, cause }])
      expect(harness.container.state).toBe('failed')
    }

    const cause = new Error('no more consumers')
    const unmade = new ContainerHarness({ properties: { concurrency: 2 } })
    unmade.factory.prepare = (_consumer, index) => {
      if (index === 1) throw cause
    }
    await expect(unmade.container.start()).rejects.toBe(cause)
    expect(unmade.story).toEqual(['consumerFailedToStart 1'])
    expect(unmade.events).toMatchObject([{ cause }])
    expect(unmade.factory.at(0).closed).toBeDefined()

    const late = new ContainerHarness({ properties: { concurrency: 2, consumerStartTimeoutMs: 2_000 } })
    late.factory.prepare = ({ engine }, index) => {
      if (index === 1) engine.joining = 'never'
    }
    const starting = late.container.start().catch((reason: unknown) => reason)
    await late.clock.advance(2_000)
    expect(await starting).toMatchObject({ code: 'START_TIMED_OUT' })
    expect(late.story.filter((each) => !each.startsWith('consumerStarting'))).toEqual(['consumerFailedToStart 1'])
    expect(late.factory.consumers.every(({ closed }) => closed !== undefined)).toBe(true)
  })
})
