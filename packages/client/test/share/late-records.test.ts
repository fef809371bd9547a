import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

// Deserialisers that return promises: whoever waits for records waits for these, and may go away meanwhile.

let group: ScriptedGroup
/** Keeps the promises for these offsets. */
let keep: Map<string, (value: string) => void>

beforeEach(() => {
  group = new ScriptedGroup()
  keep = new Map()
})

afterEach(async () => {
  await group.end()
})

/** Promises every value; `v9` cannot be read at all. */
function promising(data: Buffer | null): Promise<string> {
  const text = String(data)
  if (text === 'v9') throw new Error('it is no text')
  return new Promise((resolve) => keep.set(text, () => resolve(text)))
}

function keepAll(): void {
  for (const resolve of keep.values()) resolve('')
}

const stored = (): string[] => group.leader().stored
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  group.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )

describe('a poll whose deserialisers have not kept their promises', () => {
  it('ends with its time, and the records come with a later one', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: promising })
    group.leader().give({ first: 0, last: 1 })
    const { value, tookMs } = await group.timed(consumer.poll(1_000))
    expect([value.count, tookMs]).toEqual([0, 1_000])
    const next = consumer.poll(1_000)
    await group.clock.advance(10)
    keepAll()
    expect([...(await group.until(next))].map(({ offset, value: text }) => [offset, text])).toEqual([
      [0, 'v0'],
      [1, 'v1'],
    ])
  })

  it('ends with its signal and with wakeup()', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: promising })
    group.leader().give({ first: 0, last: 1 })
    const controller = new AbortController()
    const aborted = failure(consumer.poll({ timeoutMs: 5_000, signal: controller.signal }))
    await group.clock.advance(100)
    controller.abort()
    expect(await aborted).toMatchObject({ code: 'ABORTED' })
    const woken = failure(consumer.poll(5_000))
    await group.clock.advance(100)
    consumer.wakeup()
    expect(await woken).toMatchObject({ code: 'WAKEUP' })
    keepAll()
    expect((await group.until(consumer.poll(5_000))).count).toBe(2)
  })

  it('ends with close(), which releases them', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: promising })
    group.leader().give({ first: 0, last: 1 })
    const polling = failure(consumer.poll(5_000))
    await group.clock.advance(100)
    await group.until(consumer.close())
    expect(await polling).toMatchObject({ code: 'CLOSED' })
    keepAll()
    expect(stored()).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE'])
  })

  it('does not hand out what was lost with its session meanwhile', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: promising })
    group.leader().give({ first: 0, last: 1 })
    const polling = consumer.poll(60_000)
    await group.clock.advance(100)
    group.leader().cut()
    await group.clock.advance(0)
    keepAll()
    group.leader().give({ first: 5, last: 5 })
    await group.clock.advance(1_000)
    keepAll()
    expect([...(await group.until(polling))].map(({ offset }) => offset)).toEqual([5])
  })

  it('does not tell what proved unreadable and was lost with its session before anybody took it', async () => {
    const refuse: ((reason: Error) => void)[] = []
    const { engine } = group.subscribed({
      acknowledgementMode: 'explicit',
      valueDeserializer: (data) =>
        String(data) === 'v0' ? new Promise<string>((_, reject) => refuse.push(reject)) : String(data),
    })
    group.leader().give({ first: 0, last: 0 })
    const controller = new AbortController()
    const leaving = failure(engine.take({ signal: controller.signal }))
    await group.clock.advance(100)
    controller.abort()
    expect(await leaving).toMatchObject({ code: 'ABORTED' })
    expect(refuse).toHaveLength(1)
    for (const reject of refuse) reject(new Error('it is no text'))
    await group.clock.advance(0)
    group.leader().cut()
    await group.clock.advance(1_000)
    group.leader().give({ first: 1, last: 1 })
    const { records, failures } = await group.until(engine.take())
    expect([records.map(({ offset }) => offset), failures]).toEqual([[1], []])
  })

  it('does not wait for ever: once the locks are over, it reads on', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: promising })
    group.leader().give({ first: 0, last: 1 })
    expect((await group.until(consumer.poll(LOCK_MS + 1_000))).count).toBe(0)
    group.leader().give({ first: 5, last: 5 })
    const next = consumer.poll(5_000)
    await group.clock.advance(1_000)
    keep.get('v5')?.('')
    expect([...(await group.until(next))].map(({ offset }) => offset)).toEqual([5])
  })
})

describe('an iteration whose deserialisers have not kept their promises', () => {
  it.each(['records', 'batches'] as const)(
    'gives everything back when it is left, undecodable records included: %s',
    async (what) => {
      const { consumer } = group.subscribed({ valueDeserializer: promising, maxInFlight: 10 })
      group.leader().give({ first: 8, last: 9 })
      const stream: AsyncIterableIterator<unknown, undefined> = consumer[what]()
      const waiting = stream.next()
      await group.clock.advance(100)
      await stream.return?.()
      expect(await group.until(waiting)).toEqual({ done: true, value: undefined })
      await group.clock.advance(LOCK_MS / 2)
      keepAll()
      await group.clock.advance(LOCK_MS / 2)
      expect(stored()).toEqual(['orders-0@8 RELEASE', 'orders-0@9 RELEASE'])
    },
  )
})

describe('an iteration that is left in the moment in which records come', () => {
  it.each(['records', 'batches'] as const)('gives back all of them, undecodable ones included: %s', async (what) => {
    const { consumer, engine } = group.subscribed({ valueDeserializer: json<number>(), maxInFlight: 10 })
    group.leader().give({ first: 0, last: 1, value: (offset) => Buffer.from(offset === 1 ? '{' : '0') })
    const stream: AsyncIterableIterator<unknown, undefined> = consumer[what]()
    const take = engine.take.bind(engine)
    engine.take = async (options) => {
      const taken = await take(options)
      void stream.return?.()
      return taken
    }
    expect(await group.until(stream.next())).toEqual({ done: true, value: undefined })
    await group.clock.advance(LOCK_MS / 2)
    expect(stored().sort()).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE'])
  })
})
