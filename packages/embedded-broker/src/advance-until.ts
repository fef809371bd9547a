import { KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import type { Clock, VirtualClock } from '@milena/protocol/runtime'
import { refusePromise } from './until.js'

export interface AdvanceOptions {
  /** How far the clock is moved between two looks, in virtual milliseconds. Default 10. */
  readonly stepMs?: number
  /** How much virtual time may pass. Default 60,000 ms. */
  readonly maxMs?: number
}

/** What is waited for: a promise to settle, or a predicate to be truthy. */
export type Expected<T> = PromiseLike<T> | (() => T)

const DEFAULT_STEP_MS = 10
const DEFAULT_MAX_MS = 60_000

/** Moves virtual time on, step by step, until what is waited for is there. Nothing waits in real time. */
export async function advanceUntil<T>(
  clock: Clock,
  awaited: Expected<T>,
  options: AdvanceOptions,
  howThingsStand: () => string,
): Promise<T> {
  if (!isVirtual(clock)) {
    throw new KafkaUsageError(
      'advanceUntil() moves a virtual clock, and this broker runs on real time. Start it with { clock: new VirtualClock() }, or wait with until().',
    )
  }
  const { stepMs = DEFAULT_STEP_MS, maxMs = DEFAULT_MAX_MS } = options
  if (!(stepMs > 0)) throw new KafkaUsageError(`advanceUntil() goes on by more than 0 ms: stepMs is ${stepMs}.`)
  const look = typeof awaited === 'function' ? () => truthy(awaited()) : settling(awaited)
  await clock.advance(0)
  for (let passedMs = 0; ; passedMs += stepMs) {
    const outcome = look()
    if (outcome !== undefined) return outcome.value
    if (passedMs >= maxMs) {
      const what = typeof awaited === 'function' ? String(awaited) : 'a promise'
      throw new KafkaTimeoutError(
        `What advanceUntil() waited for did not come within ${maxMs} ms of virtual time: ${what}\nThe broker now: ${howThingsStand()}`,
      )
    }
    await clock.advance(stepMs)
  }
}

function isVirtual(clock: Clock): clock is VirtualClock {
  return 'advance' in clock && typeof clock.advance === 'function'
}

function truthy<T>(value: T): { readonly value: T } | undefined {
  refusePromise(value)
  return value ? { value } : undefined
}

function settling<T>(promise: PromiseLike<T>): () => { readonly value: T } | undefined {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined
  promise.then(
    (value) => (outcome = { value }),
    (error: unknown) => (outcome = { error }),
  )
  return () => {
    if (outcome !== undefined && 'error' in outcome) throw outcome.error
    return outcome
  }
}
