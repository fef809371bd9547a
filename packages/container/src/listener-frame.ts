import { AsyncLocalStorage } from 'node:async_hooks'
import { outsideRecordContext } from './record-context.js'

/**
 * The listener calls of one batch. stop() asks it whether it was called from inside a listener of the same container, where
 * waiting for that very listener to end would wait for ever.
 *
 * Entering asynchronous storage costs too much to do it for every record, so a frame is entered once per batch and counts the
 * calls that are running in it.
 */
export class ListenerFrame {
  /** Listener calls of this frame that have begun and are not answered. */
  runningCalls = 0

  constructor(
    readonly owner: object,
    readonly outer: ListenerFrame | undefined,
  ) {}
}

const frames = new AsyncLocalStorage<ListenerFrame | undefined>()

/** Calls `body` inside a new frame of `owner`; whatever it starts belongs to that frame too. */
export function withinListenerFrame<T>(owner: object, body: (frame: ListenerFrame) => T): T {
  const frame = new ListenerFrame(owner, frames.getStore())
  return frames.run(frame, body, frame)
}

/** Calls `body` outside of every frame and record: a loop that is started by a listener is no part of that listener. */
export function outsideListenerFrames<T>(body: () => T): T {
  return frames.run(undefined, outsideRecordContext, body)
}

/** Whether the caller runs inside a listener call of `owner` that has not ended. */
export function isInsideListenerOf(owner: object): boolean {
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.outer) {
    if (frame.owner === owner && frame.runningCalls > 0) return true
  }
  return false
}
