import { SeededRandom } from '@milena/protocol/runtime'

/** Choices from one seed. */
export class Dice {
  readonly random: SeededRandom

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random.next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.between(0, from.length - 1)]
    if (picked === undefined) throw new Error('There is nothing to choose from.')
    return picked
  }

  /** One of the names, in proportion to its weight. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][]
    let left = this.random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return this.pick(entries)[0]
  }

  /** Dice of their own for a part of the history, so that what one part draws moves no other. */
  fork(): Dice {
    return new Dice(this.between(0, 2 ** 31 - 1))
  }
}
