import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Producer, ShareConsumer } from '@milena/client'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, beforeAll, expect, it, vi } from 'vitest'

// How an application ends when its process is signalled: in a process of its own, in the built form of the packages.

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const within = { timeout: 20_000, interval: 25 }

beforeAll(async () => {
  const tsc = file('../../../../node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-b', file('../..')])
}, 120_000)

/** The application in its process. */
class SignalledApplication {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #end: Promise<unknown[]>
  #output = ''

  constructor(address: string, topic: string, group: string, words: readonly string[]) {
    const tsx = createRequire(import.meta.url).resolve('tsx')
    this.#child = spawn(process.execPath, [
      '--import',
      tsx,
      file('./signalled-application.ts'),
      address,
      topic,
      group,
      ...words,
    ])
    this.#end = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
  }

  /** Its lines that are not of the log. */
  get lines(): string[] {
    return this.#output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  }

  get log(): string[] {
    return this.#output.split('\n').flatMap((line) => (line.startsWith('{') ? [line] : []))
  }

  async says(line: string): Promise<void> {
    await vi.waitFor(() => expect(this.lines).toContain(line), within)
  }

  async logs(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.log.join('\n')).toContain(text), within)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  tell(): void {
    this.#child.stdin.write('go\n')
  }

  /** How it ended: with an exit code, or by a signal. */
  async end(): Promise<unknown[]> {
    return this.#end
  }

  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
  }
}

let started: SignalledApplication | undefined
afterEach(async () => {
  started?.kill()
  await started?.end()
  started = undefined
})

describeOnBrokers('an application that is signalled', (broker) => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'lets a running listener end after %s, brings its answer to the broker, and ends as signalled',
    async (signal) => {
      const { application, lag } = await runningListener(broker)
      application.signal(signal)
      await application.logs('A second signal ends the process at once')
      application.tell()
      expect(await application.end()).toEqual([null, signal])
      expect(application.lines).toEqual(['running', 'begun', 'ended', 'stopped'])
      await vi.waitFor(async () => expect(await lag()).toBe(0), within)
    },
  )

  it.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)('ends at once when %s is followed by %s, with exit code %i', async (first, second, code) => {
    const { application } = await runningListener(broker)
    application.signal(first)
    await application.logs('A second signal ends the process at once')
    application.signal(second)
    expect(await application.end()).toEqual([code, null])
    expect(application.lines).toEqual(['running', 'begun'])
  })

  it('ends as signalled within its bound beside a listener that hangs, whose record goes back to the group', async () => {
    const { application, topic, group } = await runningListener(broker, 'hangs')
    application.signal('SIGTERM')
    expect(await application.end()).toEqual([null, 'SIGTERM'])
    expect(application.lines).toEqual(['running', 'begun', 'stopped'])
    await using consumer = new ShareConsumer({ bootstrapServers: broker.bootstrapServers, groupId: group })
    consumer.subscribe([topic])
    const again: number[] = []
    await vi.waitFor(async () => {
      for (const { deliveryCount } of await consumer.poll(1000)) again.push(deliveryCount)
      expect(again).toEqual([2])
    }, within)
  })

  it('is left alive after its listeners have stopped where somebody else listens to the signal', async () => {
    const { application } = await runningListener(broker, 'listens-itself')
    application.signal('SIGTERM')
    await application.says('heard by itself')
    application.tell()
    expect(await application.end()).toEqual([0, null])
    expect(application.lines).toEqual(['running', 'begun', 'heard by itself', 'ended', 'stopped'])
  })

  it('ends as if there were no Milena when it wants no signals', async () => {
    const { application } = await runningListener(broker, 'unsignalled')
    application.signal('SIGTERM')
    expect(await application.end()).toEqual([null, 'SIGTERM'])
    expect(application.lines).toEqual(['running', 'begun'])
  })

  it('cancels its start by a signal, and ends as signalled and not by the error of that start', async () => {
    const topic = await broker.createTopic({ prefix: 'signalled' })
    started = new SignalledApplication(broker.bootstrapServers, topic, await broker.createGroup(), ['slow-start'])
    await started.says('starting')
    started.signal('SIGTERM')
    expect(await started.end()).toEqual([null, 'SIGTERM'])
    expect(started.log.join('\n')).toContain('A second signal ends the process at once')
    expect(started.lines).toEqual(['starting'])
  })
})

describeOnBrokers('a listener that stops its application', (broker) => {
  it('goes on at once, ends, and its answer reaches the broker before the process comes to its end', async () => {
    const { application, lag } = await runningListener(broker, 'stops-itself')
    expect(await application.end()).toEqual([0, null])
    expect(application.lines).toEqual(['running', 'begun', 'stop returned', 'ended', 'stopped'])
    await vi.waitFor(async () => expect(await lag()).toBe(0), within)
  })
})

/** An application whose listener has begun to work on one record. */
async function runningListener(broker: TestBroker, ...words: string[]) {
  const topic = await broker.createTopic({ prefix: 'signalled' })
  const group = await broker.createGroup()
  const application = new SignalledApplication(broker.bootstrapServers, topic, group, words)
  started = application
  await application.says('running')
  await using producer = new Producer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic, value: 'one' })
  await application.says('begun')
  return { application, topic, group, lag: () => broker.lag(group) }
}
