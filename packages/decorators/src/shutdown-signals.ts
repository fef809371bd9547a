import { constants } from 'node:os'
import { messageOf } from './errors.js'
import type { Clock, Logger } from '@milena/protocol/runtime'

/** The signals that end an application where it names no others. */
export const SHUTDOWN_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']

/** An application that ends when its process is asked to. */
export interface SignalledApplication {
  readonly signals: readonly NodeJS.Signals[]
  readonly logger: () => Logger
  readonly clock: Clock
  /** Ends it gracefully, within a bound. */
  readonly stop: () => Promise<void>
}

/** `npm start` hands on the Ctrl+C that the terminal has sent to its child already. Nobody presses it twice in so short a time. */
const SAME_KEY_PRESS_MS = 50

/**
 * All applications of a process, which share one handler for each signal.
 *
 * The first signal ends them gracefully. Afterwards it is raised again where nobody else listened to it, so that the process ends
 * as one that was signalled; where somebody did, the end of the process is theirs. A second signal, of whichever kind, ends the
 * process at once, with 128 and the number of the signal.
 */
const applications = new Set<SignalledApplication>()
const handlers = new Map<NodeJS.Signals, () => void>()
let ending: { readonly signal: NodeJS.Signals; readonly at: number; readonly done: Promise<void> } | undefined

/** An application whose end by signals can be called off. */
export interface SignalWatch {
  unwatch(): void
  /** Resolves when nothing is ended by a signal, or when that is done. Where the process ends then, it never does. */
  whenHandled(): Promise<void>
}

/** Has the application end by signals from now on. */
export function endOnSignals(application: SignalledApplication): SignalWatch {
  applications.add(application)
  for (const signal of application.signals) {
    if (handlers.has(signal)) continue
    const handler = () => onSignal(signal)
    handlers.set(signal, handler)
    // First in line: who listens besides us can be counted before a listener for once is gone.
    process.prependListener(signal, handler)
  }
  return {
    unwatch: () => {
      applications.delete(application)
      if (ending === undefined) removeHandlers()
    },
    whenHandled: () => ending?.done ?? Promise.resolve(),
  }
}

function onSignal(signal: NodeJS.Signals): void {
  const concerned = [...applications].filter(({ signals }) => signals.includes(signal))
  const [first] = concerned
  if (ending !== undefined) {
    const now = first?.clock.now() ?? Number.POSITIVE_INFINITY
    if (signal === 'SIGINT' && ending.signal === signal && now - ending.at < SAME_KEY_PRESS_MS) return
    for (const { logger } of concerned) logger().warn({ signal }, `${signal} came again: the process ends at once.`)
    return endProcess(signal)
  }
  if (first === undefined) return
  const heardByOthers = process.listenerCount(signal) > 1
  const done = Promise.all(concerned.map((application) => stopOne(application, signal))).then(() => {
    ending = undefined
    removeHandlers()
    if (!heardByOthers && process.listenerCount(signal) === 0) raise(signal)
  })
  ending = { signal, at: first.clock.now(), done }
}

async function stopOne({ logger, stop }: SignalledApplication, signal: NodeJS.Signals): Promise<void> {
  logger().info(
    { signal },
    `${signal}: listeners may end and are answered, the rest goes back. A second signal ends the process at once.`,
  )
  try {
    await stop()
  } catch (error) {
    logger().warn({ err: error }, `Stopping on ${signal} did not go as it should: ${messageOf(error)}`)
  }
}

/** Takes away the handlers of signals that no application waits for. */
function removeHandlers(): void {
  const wanted = new Set([...applications].flatMap(({ signals }) => signals))
  for (const [signal, handler] of handlers) {
    if (wanted.has(signal)) continue
    process.removeListener(signal, handler)
    handlers.delete(signal)
  }
}

/** Ends the process as the signal does where nobody handles it. */
function raise(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal)
  // Only the first process of a container gets here: the kernel keeps unhandled signals from it.
  endProcess(signal)
}

function endProcess(signal: NodeJS.Signals): never {
  process.exit(128 + (constants.signals[signal] ?? 0))
}
