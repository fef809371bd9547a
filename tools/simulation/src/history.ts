import { VirtualClock } from '@milena/protocol/runtime'
import { appKinds, type AppKind } from './apps/app.js'
import { Faults } from './faults.js'
import { Findings, type Finding } from './findings.js'
import { assignments, checkEnd, checkLeft, checkOutcomes, checkSessions, liveMembers } from './final-checks.js'
import { drawScenario, type Scenario } from './scenario.js'
import { stackOf } from './sim-process.js'
import { CLEANUP_MS, World } from './world.js'

/** How long everything may take once it was mended, in virtual milliseconds. */
const DRAIN_MS = 240_000
const DRAIN_STEP_MS = 250
/** How long it is watched afterwards, and how many requests of one kind may go over a connection in a second then. */
const QUIET_MS = 4_000
const QUIET_REQUESTS = 60
const STOP_MS = 5_000
/** Nothing may take longer than this when it was asked to stop. */
const END_MS = 30_000

/** What became of one seed. */
export interface HistoryResult {
  readonly seed: number
  /** Equal for equal histories. */
  readonly hash: string
  readonly findings: readonly Finding[]
  readonly tally: ReadonlyMap<string, number>
  readonly lines: readonly string[]
}

export interface HistoryOptions {
  readonly keepStory?: boolean
  /** The applications that there are. Default: all. */
  readonly kinds?: readonly AppKind[]
}

/** Plays the history of a seed: things happen, everything is mended, all is worked off, all is closed. */
export async function playHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryResult> {
  const clock = new VirtualClock()
  const findings = new Findings(clock, { keep: options.keepStory === true })
  const unhandled = (reason: unknown): void =>
    findings.broken('DEFECT', `a promise was rejected, and nobody looked: ${stackOf(reason)}`)
  process.on('unhandledRejection', unhandled)
  try {
    await play(drawScenario(seed, options.kinds ?? appKinds), clock, findings)
  } catch (error) {
    findings.broken('DEFECT', `the history ended with an error: ${stackOf(error)}`)
  } finally {
    // Rejections are told at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
  }
  return { seed, findings: findings.all, tally: findings.tally, lines: findings.lines, hash: findings.hash() }
}

async function play(scenario: Scenario, clock: VirtualClock, findings: Findings): Promise<void> {
  const world = await World.open(scenario, clock, findings)
  const faults = new Faults(world)
  const isBroken = (): boolean => findings.all.length > 0
  /** Lets time pass; false when an invariant was broken meanwhile. */
  const pass = async (ms: number): Promise<boolean> => {
    await clock.advance(ms)
    world.inspectEnded()
    return !isBroken()
  }
  const passUntil = async (isDone: () => boolean, maxMs: number, stepMs: number): Promise<boolean> => {
    for (let passedMs = 0; passedMs < maxMs; passedMs += stepMs) {
      if (!(await pass(stepMs)) || isDone()) return true
    }
    return isDone()
  }
  try {
    for (let step = 0; step < scenario.steps; step++) {
      if (!scenario.isFair) faults.strike()
      if (!(await pass(world.dice.between(0, scenario.pauseMs)))) return
    }

    findings.say('=== calm')
    world.isCalm = true
    await faults.mend()
    await Promise.all(faults.restarts)
    for (const { id } of scenario.groups) {
      const isServed = world.alive.some(({ groupId, stopping }) => groupId === id && stopping === undefined)
      if (!isServed) world.launch(world.dice.pick(lastResorts(scenario)), id)
    }
    if (!(await passUntil(() => world.isDrained(), DRAIN_MS, DRAIN_STEP_MS))) {
      findings.broken('FOREVER', `after ${DRAIN_MS} ms of calm not everything is worked off: ${world.whatIsLeft()}`)
    }
    if (isBroken()) return
    findings.count('drained after s', Math.round(clock.now() / 1_000))

    findings.say('=== quiet')
    if (!(await pass(1_000))) return
    // Counts from here on.
    world.truth.requests.busiest()
    const assigned = assignments(world)
    if (!(await pass(QUIET_MS))) return
    const busiest = world.truth.requests.busiest()
    if (busiest.requests > QUIET_REQUESTS * (QUIET_MS / 1_000)) {
      findings.broken(
        'FOREVER',
        `with nothing to do ${busiest.requests} requests were sent within ${QUIET_MS} ms over one connection (${busiest.of})`,
      )
    }
    checkSessions(world, assigned)
    if (isBroken()) return

    findings.say('=== end')
    const ended = new Set(world.alive.filter(({ stopping }) => stopping === undefined).map(({ process }) => process))
    const live = liveMembers(world)
    const ends = world.alive.map((running) => world.stop(running, STOP_MS))
    let hasEnded = ends.length === 0
    void Promise.all(ends).then(() => (hasEnded = true))
    if (!(await passUntil(() => hasEnded, END_MS, 50))) {
      findings.broken('FOREVER', `not all applications have ended ${END_MS} ms after they were told to`)
    }
    if (!(await pass(200))) return
    checkLeft(world, live)
    if (!(await pass(CLEANUP_MS)) || isBroken()) return
    checkOutcomes(world)
    checkEnd(world, ended)
  } finally {
    for (const { process } of world.running) process.kill()
    await world.broker.stop()
  }
  if (clock.pendingTimers > 0 && !isBroken()) {
    // Timers of the network's own outlive the connections of dead machines.
    await clock.advance(20_000)
    if (clock.pendingTimers > 0) findings.broken('BOUNDED', `${clock.pendingTimers} timers are left when all is over`)
  }
}

/** Who works a group off that nobody serves any more: those that end by nothing but a stop. */
function lastResorts({ kinds }: Scenario): readonly AppKind[] {
  return kinds.filter((kind) => kind !== 'window' && kind !== 'records' && kind !== 'batches')
}
