import type { KafkaError } from '@milena/protocol'
import type { Logger, Random, Transport } from '@milena/protocol/runtime'
import type { Acquisition } from '../acquisitions.js'
import type { Dice } from '../dice.js'
import type { Findings } from '../findings.js'
import { stackOf, type SimProcess } from '../sim-process.js'
import type { HandedOutRecord } from '../record-places.js'
import type { Truth } from '../truth.js'

/** The ways in which applications consume. */
export const appKinds = ['implicit', 'explicit', 'continuous', 'container', 'window', 'records', 'batches'] as const
export type AppKind = (typeof appKinds)[number]
/** Those of them in which a listener container is at work. */
export const containerKinds = ['container', 'window'] as const satisfies readonly AppKind[]

/** What an application finds around it. */
export interface AppSurroundings {
  readonly process: SimProcess
  readonly transport: Transport
  readonly random: Random
  readonly dice: Dice
  readonly truth: Truth
  readonly findings: Findings
  readonly logger: Logger
  readonly bootstrapServers: string
  readonly groupId: string
  readonly topics: readonly string[]
  readonly lockMs: number
  /** From now on everything is worked off quickly and accepted. */
  readonly isCalm: () => boolean
}

/** An application with one member, or several, of a share group. */
export interface App {
  /** Begins, and goes on until stop(). */
  start(): void
  /** Ends in good order, within about the time given. */
  stop(timeoutMs: number): Promise<void>
}

/** What a bounded call may take beyond its bound: the leave of its own, the way of its last bytes. */
const SLACK_MS = 3_000

/** The longest that an application works on one record: twice the longest lock. */
export const LONGEST_WORK_MS = 10_000

/** What applications have in common: time, the truth, and calls that must come to an end. */
export class AppBase {
  protected isStopping = false

  constructor(protected readonly around: AppSurroundings) {}

  protected get clientOptions() {
    const { bootstrapServers, process, transport, random, logger, groupId, dice } = this.around
    return {
      bootstrapServers,
      groupId,
      clientId: process.name,
      logger,
      runtime: { clock: process.clock, transport, random },
      requestTimeoutMs: dice.pick([2_000, 4_000, 30_000]),
      defaultApiTimeoutMs: dice.pick([3_000, 10_000]),
      socketConnectionSetupTimeoutMs: dice.pick([1_000, 5_000]),
      // One that never reached its cluster gives up.
      bootstrapTimeoutMs: 600_000,
      fetchMaxWaitMs: dice.pick([20, 200, 500]),
      checkCrcs: true,
    }
  }

  protected sleep(ms: number): Promise<void> {
    return this.around.process.sleep(ms)
  }

  /** How long the work on a record takes: mostly short, now and then longer than its lock. */
  protected workMs(): number {
    const { dice, lockMs } = this.around
    if (this.around.isCalm()) return dice.between(0, 2)
    if (dice.chance(0.03)) return dice.between(lockMs / 2, lockMs * 2)
    return dice.chance(0.5) ? 0 : dice.between(0, 40)
  }

  /** A call that promises to end within `ms`: that it does not is a finding. A process that was frozen gets as much again. */
  protected async bounded<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
    const { process, findings } = this.around
    const startedAt = process.clock.now()
    const late = (): void => {
      if (process.frozenLastAt >= startedAt && process.clock.now() - process.frozenLastAt < ms + SLACK_MS) {
        timer = process.clock.setTimer(late, ms + SLACK_MS)
        return
      }
      findings.broken(
        'FOREVER',
        `${process.name}: ${what} should take ${ms} ms at most, and has not ended after ${process.clock.now() - startedAt}`,
      )
    }
    let timer = process.clock.setTimer(late, ms + SLACK_MS)
    try {
      return await call
    } finally {
      timer.cancel()
    }
  }

  protected got(memberId: string, record: HandedOutRecord, value: unknown): Acquisition | undefined {
    return this.around.truth.handedOut(memberId, record, value)
  }

  /** What calls of an application may throw at it. Anything else is a defect. */
  protected met(error: unknown, what: string): KafkaError {
    const { findings, process } = this.around
    if (!isKafkaError(error)) {
      findings.broken('DEFECT', `${process.name}: ${what} threw what is no KafkaError: ${stackOf(error)}`)
      throw error
    }
    findings.say(`${process.name} ${what} failed: ${error.code} ${error.message}`)
    findings.count(`met ${error.code}`)
    if (error.code === 'BROKEN_INVARIANT') {
      findings.broken('DEFECT', `${process.name}: ${error.message} ${stackOf(error.cause)}`)
    }
    return error
  }

  /** Runs the application's loop; that it ends with an error is a defect of this simulation or of the client. */
  protected guard(loop: Promise<void>): Promise<void> {
    return loop.catch((error: unknown) => {
      this.around.findings.broken('DEFECT', `the application in ${this.around.process.name} ended: ${stackOf(error)}`)
    })
  }
}

function isKafkaError(error: unknown): error is KafkaError {
  return error instanceof Error && 'retriable' in error && 'code' in error
}
