import type { AppKind } from './apps/app.js'
import { Dice } from './dice.js'

/** What a seed decides before anything happens. */
export interface Scenario {
  readonly seed: number
  readonly brokers: number
  readonly version: '4.2' | '4.3' | '4.4'
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  readonly groups: readonly {
    readonly id: string
    readonly isReadCommitted: boolean
    readonly lockMs: number
    readonly maxLocks: number | undefined
  }[]
  readonly kinds: readonly AppKind[]
  readonly apps: readonly { readonly kind: AppKind; readonly group: number }[]
  /** How many things happen before the calm. */
  readonly steps: number
  /** The longest pause between two of them. */
  readonly pauseMs: number
  readonly baseMs: number
  readonly jitterMs: number
  /** The logs have control records, and records of aborted transactions. */
  readonly hasTransactions: boolean
  /** Compaction has removed some offsets. */
  readonly hasHoles: boolean
  /** One value in so many cannot be read; 0: all can. */
  readonly undecodableOneIn: number
  /** A record may be delivered so often. */
  readonly deliveryLimit: number
  /** Nothing goes wrong: what still breaks an invariant is wrong without any fault. */
  readonly isFair: boolean
}

/** `kinds`: the applications that there are. */
export function drawScenario(seed: number, kinds: readonly AppKind[]): Scenario {
  const dice = new Dice(seed)
  const brokers = dice.weighted({ '1': 3, '2': 4, '3': 3 })
  const topics = [{ name: 'orders', partitions: dice.pick([1, 1, 2, 3]) }]
  if (dice.chance(0.2)) topics.push({ name: 'payments', partitions: 1 })
  const lockMs = dice.pick([1_000, 2_000, 2_000, 5_000])
  const groups = Array.from({ length: dice.chance(0.15) ? 2 : 1 }, (_, index) => ({
    id: `workers-${index}`,
    isReadCommitted: dice.chance(0.5),
    lockMs,
    maxLocks: dice.chance(0.15) ? 100 : undefined,
  }))
  const apps = groups.flatMap((_, group) =>
    Array.from({ length: dice.pick([1, 1, 2, 2, 3]) }, () => ({ kind: dice.pick(kinds), group })),
  )
  const isNear = dice.chance(0.5)
  return {
    seed,
    brokers: Number(brokers),
    version: dice.pick(['4.2', '4.3', '4.4', '4.4']),
    topics,
    groups,
    kinds,
    apps,
    steps: dice.between(4, 14),
    pauseMs: dice.pick([50, 400, 1_500, 3_000]),
    baseMs: isNear ? 0 : dice.pick([1, 3, 20]),
    jitterMs: isNear ? 0 : dice.pick([0, 5, 30]),
    hasTransactions: dice.chance(0.35),
    hasHoles: dice.chance(0.2),
    undecodableOneIn: dice.chance(0.2) ? dice.pick([4, 15]) : 0,
    deliveryLimit: dice.chance(0.1) ? 3 : 10,
    isFair: dice.chance(0.08),
  }
}
