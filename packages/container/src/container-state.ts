import { KafkaUsageError } from '@milena/protocol'

/**
 * Where a container stands.
 *
 * - `stopped`: has no members; the state of a new container.
 * - `starting`: its members are being made and are joining the group; no record has reached the listener.
 * - `running`: takes records.
 * - `paused`: its members stay in the group, but no new records are taken.
 * - `stopping`: takes no more records; running listener calls end, answers go out, consumers close.
 * - `failed`: ended by a fault, and has no members. start() may be called again.
 */
export const ContainerState = {
  STOPPED: 'stopped',
  STARTING: 'starting',
  RUNNING: 'running',
  PAUSED: 'paused',
  STOPPING: 'stopping',
  FAILED: 'failed',
} as const
export type ContainerState = (typeof ContainerState)[keyof typeof ContainerState]

/** What can happen to a container. */
export type ContainerMove = 'start' | 'started' | 'pause' | 'resume' | 'stop' | 'stopped' | 'fail'

const legalMoves: Readonly<Record<ContainerMove, Partial<Record<ContainerState, ContainerState>>>> = {
  start: { stopped: 'starting', failed: 'starting' },
  started: { starting: 'running' },
  pause: { running: 'paused' },
  resume: { paused: 'running' },
  stop: { starting: 'stopping', running: 'stopping', paused: 'stopping' },
  stopped: { stopping: 'stopped' },
  // What fails while it runs drains first: it stops, and is failed then.
  fail: { starting: 'failed', stopping: 'failed' },
}

/** The one transition function: where `move` leads from `state`, or undefined where it is not legal. */
export function stateAfter(state: ContainerState, move: ContainerMove): ContainerState | undefined {
  return legalMoves[move][state]
}

/** Holds the state of one container; every change goes through {@link ContainerLifecycle.move}. */
export class ContainerLifecycle {
  #state: ContainerState = 'stopped'

  constructor(private readonly containerId: string) {}

  get state(): ContainerState {
    return this.#state
  }

  /** True while records may be taken or listener calls are to go on: running or paused. */
  get isRunning(): boolean {
    return this.#state === 'running' || this.#state === 'paused'
  }

  /** True when there is nothing to stop: stopped or failed. */
  get isAtRest(): boolean {
    return this.#state === 'stopped' || this.#state === 'failed'
  }

  /** Makes a move. @throws KafkaUsageError when the container is in no state for it */
  move(move: ContainerMove): void {
    const next = stateAfter(this.#state, move)
    if (next === undefined) {
      const legal = Object.keys(legalMoves[move]).join(' or ')
      throw new KafkaUsageError(
        `Container '${this.containerId}' is ${this.#state}; '${move}' is only possible while it is ${legal}.`,
      )
    }
    this.#state = next
  }
}
