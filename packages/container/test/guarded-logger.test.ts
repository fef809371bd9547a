import { consoleLogger } from '@milena/client'
import type { Logger } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { guardedLogger } from '../src/guarded-logger.js'
import { REJECTING, RELEASING } from '../src/index.js'
import { Bench, told, type Values } from './virtual-bench.js'

const untouchable = (): never => {
  throw new Error('it cannot be touched')
}
const proxy: unknown = new Proxy(new Error('inside'), {
  get: untouchable,
  getPrototypeOf: untouchable,
  ownKeys: untouchable,
  has: untouchable,
})
class Unspeakable extends Error {
  override get message(): string {
    return untouchable()
  }
}

const fail = (error: unknown): never => {
  throw error
}

/** What a listener may throw, and nobody can describe. */
const hostile: readonly (readonly [string, unknown])[] = [
  ['an error whose message throws', new Unspeakable()],
  ['a proxy that throws whatever is asked', proxy],
  ['an error caused by one', new Error('outside', { cause: proxy })],
  ['an object that is no text', { toString: untouchable, toJSON: untouchable }],
]

/** As loggers that write JSON do. */
function readingLogger(): Logger {
  const write = (facts: object): void => {
    for (const value of Object.values(facts)) {
      if (value instanceof Error) JSON.stringify({ ...value, message: value.message, cause: value.cause })
      else JSON.stringify(value)
    }
  }
  return { trace: write, debug: write, info: write, warn: write, error: write, child: readingLogger }
}

const loggers: readonly (readonly [string, () => Logger])[] = [
  ['the default logger', () => consoleLogger()],
  ['a logger that reads all that it is given', () => readingLogger()],
]

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe.each(loggers)('with %s', (_logger, make) => {
  test.each(hostile)('%s is answered as any other, and ends no member', async (_what, error) => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      const seen: string[] = []
      bench.append(3)
      const container = await bench.container(
        (record) => {
          seen.push(told(record))
          if (record.value === 'v1' && record.deliveryCount === 1) throw error
        },
        { shareConsumerRecordRecoverer: RELEASING },
        { logger: make() },
      )
      await bench.untilFinished(3)
      expect(seen.toSorted()).toEqual(['v0 1', 'v1 1', 'v1 2', 'v2 1'])
      expect(container.state).toBe('running')
      expect(bench.events.map(({ type }) => type)).toEqual(['consumerStarting', 'consumerStarted', 'listenerFailed'])
    } finally {
      await bench.end()
    }
  })

  test.each(hostile)('%s of a MANUAL listener is answered as any other, and ends no member', async (_what, error) => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      bench.append(2)
      const container = await bench.container(
        {
          onShareRecord: (record: Values, acknowledgment) => {
            if (record.value === 'v0') throw error
            acknowledgment?.acknowledge()
          },
        },
        { shareAckMode: 'MANUAL', processingDeadlineMs: 10_000 },
        { logger: make() },
      )
      await bench.untilFinished(2)
      expect(container.state).toBe('running')
      expect([...container.metrics().values()][0]).toMatchObject({ broker: { accepted: 1, rejected: 1 } })
      expect(bench.events.map(({ type }) => type)).not.toContain('consumerStopped')
    } finally {
      await bench.end()
    }
  })

  test.each(hostile)('%s of a deserialiser costs its own record and no other', async (_what, error) => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      for (const late of [false, true]) {
        const seen: string[] = []
        const values = ['good', 'bad', 'good']
        bench.broker.append(
          'orders',
          values.map((value) => ({ value })),
        )
        const container = await bench.container(
          (record) => void seen.push(told(record)),
          {},
          {
            logger: make(),
            valueDeserializer: (data) => {
              if (data?.toString() !== 'bad') return String(data)
              if (late) return Promise.resolve().then(() => fail(error)) as never
              throw error
            },
          },
        )
        await bench.untilFinished(late ? 6 : 3)
        expect(seen).toEqual(['good 1', 'good 1'])
        expect(container.state).toBe('running')
        await bench.broker.advanceUntil(container.stop())
      }
    } finally {
      await bench.end()
    }
  })

  test('a recoverer that throws what nobody can describe rejects the record, and ends no member', async () => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      bench.append(2)
      const container = await bench.container(
        (record) => {
          if (record.value === 'v0') throw new Error('no')
        },
        {
          shareConsumerRecordRecoverer: (record, error, context) => {
            void REJECTING(record, error, context)
            throw proxy
          },
        },
        { logger: make() },
      )
      await bench.untilFinished(2)
      expect(container.state).toBe('running')
      expect([...container.metrics().values()][0]).toMatchObject({ broker: { accepted: 1, rejected: 1 } })
    } finally {
      await bench.end()
    }
  })
})

describe('A guarded logger', () => {
  it('writes a line without its facts where they cannot be written', () => {
    const lines: [object, string][] = []
    const write = (facts: object, message: string): void => {
      JSON.stringify(facts)
      lines.push([facts, message])
    }
    const logger = { trace: write, debug: write, info: write, warn: write, error: write, child: () => logger }
    guardedLogger(logger).error({ err: { toJSON: untouchable } }, 'It failed.')
    guardedLogger(logger).child({}).warn({ err: 'plain' }, 'It went on.')
    expect(lines).toEqual([
      [{}, 'It failed. (Its facts could not be written: one of them throws when it is read.)'],
      [{ err: 'plain' }, 'It went on.'],
    ])
  })

  it.each(['trace', 'debug', 'info', 'warn', 'error'] as const)('passes over a logger that fails at %s', (level) => {
    const broken = { trace: untouchable, debug: untouchable, info: untouchable, warn: untouchable, error: untouchable }
    const logger: Logger = { ...broken, child: () => logger }
    expect(() => guardedLogger(logger).child({})[level]({}, 'lost')).not.toThrow()
  })

  it('says which levels are on as its logger does', () => {
    expect(guardedLogger(consoleLogger({ level: 'warn' })).isLevelEnabled?.('info')).toBe(false)
  })
})
