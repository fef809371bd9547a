import { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { endOnSignals } from '../../src/shutdown-signals.js'
import { keptLog, quiet } from '../fake-kafka.js'

// Signals as events of this process, which is kept from ending.

const clock = new VirtualClock()
const exits: unknown[] = []
const raised: unknown[] = []
let ends: (() => void)[] = []

beforeEach(() => {
  vi.spyOn(process, 'exit').mockImplementation(((code: unknown) => exits.push(code)) as never)
  vi.spyOn(process, 'kill').mockImplementation((_pid, signal) => {
    raised.push(signal)
    return true
  })
})
afterEach(async () => {
  for (const end of ends) end()
  await quiet()
  ends = []
  exits.length = 0
  raised.length = 0
  vi.restoreAllMocks()
})

/** An application that ends when it is let. */
function application(options: { readonly fails?: boolean } = {}) {
  const { logger, lines } = keptLog()
  let end = (): void => undefined
  let stops = 0
  const stopped = new Promise<void>((resolve, reject) => {
    end = () => (options.fails === true ? reject(new Error('the broker is away')) : resolve())
  })
  const watch = endOnSignals({
    signals: ['SIGTERM', 'SIGINT'],
    logger: () => logger,
    clock,
    stop: () => {
      stops++
      return stopped.finally(() => watch.unwatch())
    },
  })
  ends.push(() => {
    end()
    watch.unwatch()
  })
  return { watch, end: () => end(), lines, stops: () => stops }
}

const receive = (signal: NodeJS.Signals): void => void process.emit(signal)

describe('the first signal', () => {
  it('ends all applications; when the last has ended it is raised again, and the process is not left alive', async () => {
    const one = application()
    const two = application()
    receive('SIGTERM')
    one.end()
    await quiet()
    expect([one.stops(), two.stops(), raised]).toEqual([1, 1, []])
    two.end()
    await quiet()
    // What was raised did not end the process, as for the first process of a container: it ends by itself.
    expect([raised, exits]).toEqual([['SIGTERM'], [143]])
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })

  it('is not raised again where somebody else has listened, for once or for good', async () => {
    for (const listen of ['on', 'once'] as const) {
      const others = vi.fn<() => void>()
      process[listen]('SIGTERM', others)
      const { end } = application()
      receive('SIGTERM')
      end()
      await quiet()
      expect(others).toHaveBeenCalledOnce()
      process.removeListener('SIGTERM', others)
    }
    expect([raised, exits]).toEqual([[], []])
  })

  it('is raised although the stop failed, which is logged', async () => {
    const { end, lines } = application({ fails: true })
    receive('SIGTERM')
    end()
    await quiet()
    expect(raised).toEqual(['SIGTERM'])
    expect(lines).toContain('warn: Stopping on SIGTERM did not go as it should: the broker is away')
  })

  it('is waited for by whoever asks', async () => {
    const { watch, end } = application()
    await watch.whenHandled()
    receive('SIGTERM')
    let handled = false
    void watch.whenHandled().then(() => (handled = true))
    await quiet()
    expect(handled).toBe(false)
    end()
    await quiet()
    expect(handled).toBe(true)
  })
})

describe('the second signal', () => {
  it('ends the process at once with 128 and its number', () => {
    const { lines } = application()
    receive('SIGTERM')
    receive('SIGINT')
    expect(exits).toEqual([130])
    expect(lines).toContain('warn: SIGINT came again: the process ends at once.')
  })

  it('is the same Ctrl+C once more where it comes within 50 ms, as npm hands it on', async () => {
    const { stops } = application()
    receive('SIGINT')
    await clock.advance(10)
    receive('SIGINT')
    expect([exits, stops()]).toEqual([[], 1])
    await clock.advance(50)
    receive('SIGINT')
    expect(exits).toEqual([130])
  })
})
