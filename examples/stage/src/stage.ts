import { setTimeout as sleep } from 'node:timers/promises'
import { Producer, type Admin } from '@milena/client'

const PATIENCE_MS = 60_000

/** What a figure of the table has to be: a value, or at least so much. */
type Expected<T> = T | { readonly atLeast: number }

/** A broker with a topic and a share group that nobody else uses, and the table that shows what came out. */
export class Stage {
  /** False once a figure of the table was wrong. */
  allAsExpected = true

  constructor(
    readonly bootstrapServers: string,
    readonly admin: Admin,
    readonly topic: string,
    /** A share group that starts with the topic's first record. */
    readonly group: string,
    private readonly partitions: number,
    /** Fires when the example was asked to end. */
    private readonly signal: AbortSignal,
  ) {}

  /** Has a new group start with the topic's first record; by default it would start behind the last. */
  async setUpGroup(group: string): Promise<string> {
    await this.admin.alterGroupConfigs(group, { 'share.auto.offset.reset': 'earliest' })
    return group
  }

  /** Writes values into the topic: texts as they are, all else as JSON. Resolves when the broker has them. */
  async produce(values: Iterable<unknown>): Promise<void> {
    const producer = new Producer({ bootstrapServers: this.bootstrapServers })
    try {
      const { topic } = this
      const sent = [...values].map((value) =>
        producer.send({ topic, value: typeof value === 'string' ? value : JSON.stringify(value) }),
      )
      await Promise.all(sent)
    } finally {
      await producer.close()
    }
  }

  /** Waits until the group is done with every record of the topic, as its broker tells. */
  async untilFinished(group = this.group): Promise<void> {
    await this.until(`group ${group} is done with topic ${this.topic}`, async () => {
      const offsets = await this.admin.listShareGroupOffsets(group)
      return offsets.length === this.partitions && offsets.every(({ lag }) => lag === 0)
    })
  }

  /** Waits for something; rejects after a minute, and when the example is asked to end. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const began = performance.now()
    while (!(await holds())) {
      this.signal.throwIfAborted()
      if (performance.now() - began > PATIENCE_MS)
        throw new Error(`It did not come to pass within ${PATIENCE_MS / 1000} s that ${what}.`)
      await sleep(20)
    }
  }

  /** A row of the table. One that is not as it should be says so, and has the example fail. */
  check<T extends string | number | boolean>(what: string, value: T, expected: Expected<T>): void {
    const asExpected =
      typeof expected === 'object' ? typeof value === 'number' && value >= expected.atLeast : value === expected
    this.allAsExpected &&= asExpected
    const wish = typeof expected === 'object' ? `at least ${expected.atLeast}` : String(expected)
    console.log(`  ${what.padEnd(44)} ${value}${asExpected ? '' : `   WRONG: it should be ${wish}`}`)
  }
}
