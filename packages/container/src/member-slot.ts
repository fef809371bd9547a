import { Backoff, pause } from '@milena/client/internal'
import { ContainerMember, type MemberPlan } from './container-member.js'
import { memberHealthOf, type MemberHealth } from './container-health.js'
import { ConsumerFailedToStartEvent } from './events.js'
import { sumOfCounts, type BrokerCounts, type MemberMetrics } from './member-metrics.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { sortPollError } from './poll-errors.js'
import { withinStartTimeout } from './start-timeout.js'
import { StopBudget } from './stop-budget.js'

/** The pauses before a member that died is replaced. */
const REPLACEMENT_BACKOFF = { initialMs: 1000, maxMs: 30_000 }
/** A member that lived this long did not die of what the last one died of: the pauses begin again. */
const PROVEN_MS = 60_000

/** Told when a slot's member dies and none is to follow: no other could do better, or the restart policy is `never`. */
export type SlotLost = (kind: 'fatal' | 'gone', cause: unknown) => void

/** One of a container's places for members: keeps a member in it, and puts a new one there when it dies. */
export class MemberSlot<K, V> {
  readonly #plan: MemberPlan<K, V>
  readonly surroundings: MemberSurroundings
  readonly #backoff: Backoff
  /** Fires when stop() is called: a replacement is not wanted any more. */
  readonly #stopped = new AbortController()
  #member: ContainerMember<K, V> | undefined
  #budget: StopBudget | undefined
  #paused = false
  /** What the brokers confirmed to the members that are gone. */
  #past: BrokerCounts = sumOfCounts([])

  constructor(plan: MemberPlan<K, V>, surroundings: MemberSurroundings) {
    this.#plan = plan
    this.surroundings = surroundings
    this.#backoff = new Backoff({ clock: plan.clock, random: plan.random, ...REPLACEMENT_BACKOFF })
  }

  /** What the slot's members have done so far. */
  metrics(): MemberMetrics {
    const now = this.#member?.engine.counters.snapshot()
    return { ...this.surroundings.counters, broker: now === undefined ? this.#past : sumOfCounts([this.#past, now]) }
  }

  /** How the member in the slot is. */
  health(): MemberHealth {
    const { source, vitals } = this.surroundings
    return memberHealthOf(vitals, this.#plan.clock.now(), {
      clientId: source.clientId,
      isMember: this.#member?.engine.isMember ?? false,
      inFlight: this.#member?.inFlight ?? 0,
      openAcknowledgments: this.#member?.openAcknowledgments ?? 0,
    })
  }

  /** Makes the first member. @throws what the consumer factory throws */
  create(): void {
    this.#member = new ContainerMember(this.#plan, this.surroundings)
  }

  /** Has the first member join. */
  async join(signal: AbortSignal): Promise<void> {
    await this.#member?.join(signal)
  }

  /** Runs the first member and those that replace it, until stop() or a death that none is to follow. Never rejects. */
  async run(onLost: SlotLost): Promise<void> {
    await this.#keepOccupied(onLost)
    this.surroundings.vitals.status = 'down'
  }

  /** Has the slot's member fetch nothing any more; resolves when no fetch is out. Never rejects. */
  endFetching(): Promise<void> {
    return this.#member?.endFetching() ?? Promise.resolve()
  }

  /** Ends the slot's member within the budget; its records are given back when all is `quiet`. */
  stop(budget: StopBudget, quiet?: Promise<unknown>): void {
    this.#budget = budget
    this.#stopped.abort()
    this.#member?.stop(budget, quiet)
  }

  pause(): void {
    this.#paused = true
    this.#member?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#member?.resume()
  }

  /** Closes a member that has not run yet, without an event. Never rejects. */
  async abandon(budget: StopBudget): Promise<void> {
    const member = this.#member
    this.#member = undefined
    await member?.abandon(budget)
  }

  /** One member after another. */
  async #keepOccupied(onLost: SlotLost): Promise<void> {
    const { vitals } = this.surroundings
    let member = this.#member
    while (member !== undefined) {
      if (this.#paused) member.pause()
      vitals.status = 'up'
      vitals.trouble = undefined
      const bornAt = this.#plan.clock.now()
      let lost = false
      await member.run((cause) => {
        const kind = this.#lossBy(cause)
        vitals.status = kind === undefined ? 'replacing' : 'down'
        vitals.trouble = { error: cause, at: this.#plan.clock.now() }
        if (kind === undefined) return
        lost = true
        onLost(kind, cause)
      })
      this.#past = sumOfCounts([this.#past, member.engine.counters.snapshot()])
      this.#member = undefined
      if (lost || this.#budget !== undefined) return
      if (this.#plan.clock.now() - bornAt >= PROVEN_MS) this.#backoff.reset()
      member = await this.#replacement(onLost)
      if (member !== undefined && this.#budget !== undefined) {
        await member.abandon(this.#budget)
        return
      }
      this.#member = member
    }
  }

  /** What a death by this cause means for the slot; undefined: a new member. */
  #lossBy(cause: unknown): 'fatal' | 'gone' | undefined {
    if (sortPollError(cause) === 'fatal') return 'fatal'
    return this.#plan.properties.restartPolicy === 'never' ? 'gone' : undefined
  }

  /** A joined member, after a pause and as many attempts as it takes; undefined: none is to follow. */
  async #replacement(onLost: SlotLost): Promise<ContainerMember<K, V> | undefined> {
    const { clock, properties } = this.#plan
    const { source, events, logger, vitals } = this.surroundings
    const { signal } = this.#stopped
    for (;;) {
      const inMs = this.#backoff.next()
      logger.info({ inMs }, `A new member takes the place of ${source.clientId} in ${Math.round(inMs)} ms.`)
      let member: ContainerMember<K, V> | undefined
      try {
        await pause(clock, inMs, signal)
        const joining = (member = new ContainerMember(this.#plan, this.surroundings))
        await withinStartTimeout(this.#plan, signal, (limit) => joining.join(limit))
        return member
      } catch (error) {
        await member?.abandon(this.#budget ?? new StopBudget(clock, properties.shutdownTimeoutMs))
        if (signal.aborted) return undefined
        const fatal = sortPollError(error) === 'fatal'
        vitals.trouble = { error, at: clock.now() }
        logger.error({ err: error }, `The replacement of ${source.clientId} could not be started.`)
        if (fatal) onLost('fatal', error)
        events.publish(new ConsumerFailedToStartEvent(source, error))
        if (fatal) return undefined
      }
    }
  }
}
