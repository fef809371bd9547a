import type { MemberPlan } from './container-member.js'
import type { EventSource } from './events.js'
import type { GroupSettings } from './group-settings.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { MemberSlot } from './member-slot.js'
import { withinStartTimeout } from './start-timeout.js'
import { StopBudget } from './stop-budget.js'

/** Why a run could not start, and the member that it failed with. */
export interface StartFailure {
  readonly cause: unknown
  readonly source: EventSource | undefined
}

/** What a run tells the container that owns it. */
export interface ContainerRunOptions<K, V> {
  readonly plan: MemberPlan<K, V>
  /** One for each member. */
  readonly surroundings: readonly MemberSurroundings[]
  /** Applied before any member is made; undefined: the group is left as it is. */
  readonly groupSettings: GroupSettings | undefined
  /** The container cannot go on: a member met a fault that no other could cure, or the last one is gone. */
  readonly onFailed: (cause: unknown) => void
}

/** Members close within the budget by themselves; only one that hangs in spite of its own bound is waited for no longer. */
const GRACE_MS = 1000

/** One life of a container, from start to stop: all its members, started and stopped as one. */
export class ContainerRun<K, V> {
  readonly slots: readonly MemberSlot<K, V>[]
  readonly #options: ContainerRunOptions<K, V>
  /** Fires when stop() is called. */
  readonly #stopped = new AbortController()
  #budget: StopBudget | undefined
  #begun = false
  /** Resolves when no member is left. */
  #over: Promise<unknown> = Promise.resolve()

  constructor(options: ContainerRunOptions<K, V>) {
    this.#options = options
    this.slots = options.surroundings.map((surroundings) => new MemberSlot(options.plan, surroundings))
  }

  /** Makes all members and has them join. On failure those that were made are closed again, and the failure is returned. */
  start(): Promise<StartFailure | undefined> {
    const starting = this.#start()
    this.#over = starting
    return starting
  }

  /** Lets the members, all of which have joined, take records. */
  begin(): void {
    this.#begun = true
    let over = (): void => undefined
    // In place before any member runs: the event that the first one has started may stop the container.
    this.#over = new Promise((resolve) => {
      over = () => resolve(undefined)
    })
    let left = this.slots.length
    const ends = this.slots.map((slot) =>
      slot.run((kind, cause) => {
        left--
        if (kind === 'fatal' || left === 0) this.#options.onFailed(cause)
      }),
    )
    void Promise.all(ends).then(over)
  }

  /** Ends all members, within the budget whatever they do. Never rejects. */
  async stop(budget: StopBudget): Promise<void> {
    this.#budget = budget
    this.#stopped.abort()
    if (this.#begun) this.#stopSlots(budget)
    else this.#over = this.#over.then(() => this.#abandon(budget))
    await budget.within(this.#over, GRACE_MS)
    this.#options.groupSettings?.release()
  }

  /** Has the members that are stopping end within this budget, where it is the tighter one. */
  hurry(budget: StopBudget): void {
    if (this.#begun) for (const slot of this.slots) slot.stop(budget)
  }

  pause(): void {
    for (const slot of this.slots) slot.pause()
  }

  resume(): void {
    for (const slot of this.slots) slot.resume()
  }

  async #start(): Promise<StartFailure | undefined> {
    const { plan, groupSettings } = this.#options
    const open = new Set(this.slots)
    let failed: MemberSlot<K, V> | undefined
    try {
      await withinStartTimeout(plan, this.#stopped.signal, async (signal) => {
        if (groupSettings !== undefined) await groupSettings.apply(signal)
        signal.throwIfAborted()
        // All are made before any of them joins: a factory that fails for the third leaves nothing behind in the group.
        for (const slot of this.slots) {
          failed = slot
          slot.create()
        }
        failed = undefined
        await Promise.all(
          this.slots.map(async (slot) => {
            try {
              await slot.join(signal)
              open.delete(slot)
            } catch (error) {
              failed ??= slot
              throw error
            }
          }),
        )
      })
      return undefined
    } catch (cause) {
      const budget = this.#budget ?? new StopBudget(plan.clock, plan.properties.shutdownTimeoutMs)
      await this.#abandon(budget)
      groupSettings?.release()
      const [late] = open
      return { cause, source: (failed ?? late)?.surroundings.source }
    }
  }

  /**
   * No member gives records back before all have ended their fetches. A fetch that waits at the broker would acquire at once what
   * another member has just given back, only to give it back too; each time costs a record one of the group's delivery attempts,
   * and after the last one the broker archives it, seen by no listener.
   */
  #stopSlots(budget: StopBudget): void {
    const quiet = Promise.all(this.slots.map((slot) => slot.endFetching()))
    for (const slot of this.slots) slot.stop(budget, quiet)
  }

  /** Closes every member that has not run, without an event. */
  async #abandon(budget: StopBudget): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.abandon(budget)))
  }
}
