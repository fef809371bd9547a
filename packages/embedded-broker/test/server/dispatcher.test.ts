import { ApiVersions, CreateTopics, encodeRequest, ErrorCode, Metadata, type RequestInput } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { afterEach, describe, expect, it } from 'vitest'
import { RawClient } from '../raw-client.js'

const running: EmbeddedBroker[] = []
const warnings: string[] = []
const errors: string[] = []
const logger = {
  ...silentLogger,
  warn: (_facts: object, message: string) => void warnings.push(message),
  error: (_facts: object, message: string) => void errors.push(message),
}

async function start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ network: 'memory', logger, ...options })
  running.push(broker)
  return broker
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
  warnings.length = 0
  errors.length = 0
})

const topics = (broker: EmbeddedBroker) => broker.inspect().topics.map(({ name }) => name)

/** A request whose effect can be seen. */
const makeTopic = (name = 'made'): RequestInput<typeof CreateTopics> => ({
  topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 1000,
})

/** Sends it and waits for no answer. */
function ask(client: RawClient, name?: string): void {
  void client.send(CreateTopics, 7, makeTopic(name)).catch(() => undefined)
}

describe('A frozen broker', () => {
  it('does nothing of what it is asked before it thaws', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock })
    const client = await RawClient.connect(broker)
    broker.freeze()
    ask(client)
    await clock.advance(10_000)
    expect(topics(broker)).toEqual([])
    broker.thaw()
    await clock.advance(0)
    expect(topics(broker)).toEqual(['made'])
  })

  it('keeps back the answer that it was working on', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock })
    const client = await RawClient.connect(broker)
    let isAnswered = false
    broker.intercept('CreateTopics', () => ({ do: 'delay', ms: 100 }))
    void client.send(CreateTopics, 7, makeTopic()).then(() => (isAnswered = true))
    await clock.advance(50)
    broker.freeze()
    await clock.advance(1000)
    expect([topics(broker), isAnswered]).toEqual([['made'], false])
    broker.thaw()
    await clock.advance(0)
    expect(isAnswered).toBe(true)
  })
})

describe('A broker that is killed', () => {
  it('does nothing any more of what it was asked while it was frozen, and thaws', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock, brokers: 2 })
    const client = await RawClient.connect(broker)
    broker.freeze(1)
    ask(client)
    await clock.advance(10)
    await broker.kill(1)
    await broker.restart(1)
    await clock.advance(10)
    expect(topics(broker)).toEqual([])
    const again = await RawClient.connect(broker)
    expect((await again.send(ApiVersions, 2, {})).errorCode).toBe(0)
  })

  it('does nothing any more of what a hook has held up, and keeps no timer for it', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock, brokers: 2 })
    const client = await RawClient.connect(broker)
    let decide: () => void = () => undefined
    broker.intercept('CreateTopics', () => new Promise<undefined>((resolve) => (decide = () => resolve(undefined))), {
      times: 1,
    })
    ask(client, 'undecided')
    await clock.advance(0)
    const other = await RawClient.connect(broker)
    broker.intercept('CreateTopics', () => ({ do: 'delay', ms: 60_000 }))
    ask(other, 'delayed')
    await clock.advance(0)
    await broker.kill(1)
    expect(clock.pendingTimers).toBe(0)
    await broker.restart(1)
    decide()
    await clock.advance(120_000)
    expect(topics(broker)).toEqual([])
  })
})

describe('A request that waits when its connection closes', () => {
  it.each(['a delay', 'a hook'] as const)(
    'because of %s is handled all the same; what is behind it is not',
    async (why) => {
      const clock = new VirtualClock()
      const broker = await start({ clock })
      const client = await RawClient.connect(broker)
      let decide: () => void = () => undefined
      broker.intercept('CreateTopics', () =>
        why === 'a delay'
          ? { do: 'delay', ms: 100 }
          : new Promise<undefined>((resolve) => (decide = () => resolve(undefined))),
      )
      ask(client, 'waiting')
      ask(client, 'behind')
      await clock.advance(50)
      client.cut()
      await clock.advance(0)
      expect(topics(broker)).toEqual([])
      decide()
      await clock.advance(1_000)
      expect(topics(broker)).toEqual(['waiting'])
      expect([warnings, errors]).toEqual([[], []])
    },
  )
})

describe('An interception', () => {
  it('drops a request without doing it, or does it and drops the answer', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock })
    const client = await RawClient.connect(broker)
    broker.intercept('CreateTopics', () => ({ do: 'drop', what: 'request' }), { times: 1 })
    ask(client, 'dropped')
    await clock.advance(0)
    broker.intercept('CreateTopics', () => ({ do: 'drop' }), { times: 1 })
    ask(client, 'done')
    await clock.advance(0)
    expect(topics(broker)).toEqual(['done'])
    expect(client.isOpen).toBe(true)
  })

  it('cuts the connection before a request is done, or behind it', async () => {
    const broker = await start()
    broker.intercept('CreateTopics', () => ({ do: 'cut' }), { times: 1 })
    const first = await RawClient.connect(broker)
    ask(first, 'not-done')
    await first.whenClosed()
    broker.intercept('CreateTopics', () => ({ do: 'cut', when: 'after' }), { times: 1 })
    const second = await RawClient.connect(broker)
    ask(second, 'done')
    await second.whenClosed()
    expect(topics(broker)).toEqual(['done'])
  })

  it('sees nothing any more once it is stopped, or its block is left', async () => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    const hook = broker.intercept('Metadata', () => undefined)
    const counts = [() => hook.count]
    await client.send(Metadata, 12, { topics: [] })
    hook.stop()
    hook.stop()
    {
      using inBlock = broker.intercept('Metadata', () => undefined)
      await client.send(Metadata, 12, { topics: [] })
      counts.push(() => inBlock.count)
    }
    await client.send(Metadata, 12, { topics: [] })
    expect(counts.map((count) => count())).toEqual([1, 1])
  })

  it.each([
    ['a hook that throws', () => Promise.reject(new Error('a typo')), /hook .* on Metadata failed: a typo/],
    ['an answer that cannot be written', () => ({ do: 'answer', body: { topics: 7 } }), /hook .* on Metadata failed/],
    [
      'a change that throws',
      () => ({ do: 'change', answer: () => JSON.parse('no JSON') }),
      /hook .* on Metadata failed/,
    ],
    ['an action that is none', () => ({ do: 'reply' }), /There is no \{ do: "reply" \}/],
  ])('tells of %s as a mistake of the hook, and closes the connection', async (_, hook, message) => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    broker.intercept('Metadata', hook as never)
    await expect(client.send(Metadata, 12, { topics: [] })).rejects.toThrow('closed')
    expect(errors).toEqual([expect.stringMatching(message)])
    expect(errors[0]).not.toContain('defect')
  })
})

describe('A version that the broker does not have', () => {
  it('is answered only for ApiVersions, with what there is; of any other API it ends the connection', async () => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    const unknown = encodeRequest(ApiVersions, { version: 4, correlationId: 7, clientId: 'raw', body: {} })
    // The version stands behind the frame's size and the API's key.
    unknown.writeInt16BE(99, 6)
    client.write(unknown)
    expect((await client.send(ApiVersions, 2, {})).errorCode).toBe(ErrorCode.NONE)
    const metadata = encodeRequest(Metadata, { version: 12, correlationId: 8, clientId: 'raw', body: { topics: [] } })
    metadata.writeInt16BE(99, 6)
    client.write(metadata)
    await client.whenClosed()
    expect(warnings).toEqual([expect.stringMatching(/Metadata version 99.*UNSUPPORTED_VERSION/)])
  })
})

describe('The history of requests', () => {
  it('is empty when nothing is to be remembered', async () => {
    const broker = await start({ rememberedRequests: 0 })
    const client = await RawClient.connect(broker)
    await client.send(ApiVersions, 2, {})
    expect(broker.requests()).toEqual([])
  })
})
