/**
 * What every subject does with records, and what it prints: a line when the steady part begins (after the first fifth), and one
 * with its measurements. The Java subject prints the same.
 */
export interface Measurements {
  readonly records: number
  readonly steadyRecords: number
  readonly steadySeconds: number
  /** User and system time of the subject's process over the steady part; undefined where the subject cannot tell. */
  readonly cpuSeconds?: number | undefined
  readonly firstRecordSeconds?: number | undefined
  /** Sum of the first and last byte of each value; undefined where the subject cannot sum. */
  readonly checksum?: number | undefined
}

export const STEADY_LINE = '{"steady":true}'

/** Ends a subject to which nothing comes any more. */
const PATIENCE_MS = 60_000

export class Consumption {
  readonly #expected: number
  readonly #warmUp: number
  readonly #subscribedAt = performance.now()
  #firstAt = 0
  #steadyAt = 0
  #steadyCpu: NodeJS.CpuUsage | undefined
  #records = 0
  #checksum = 0
  #measured: Measurements | undefined
  #complete: () => void = () => {}
  /** Resolves with the last record. */
  readonly whenComplete = new Promise<void>((resolve) => (this.#complete = resolve))

  /** Made at the moment of subscribing. */
  constructor(expected: number) {
    this.#expected = expected
    this.#warmUp = Math.floor(expected / 5)
    let seen = 0
    setInterval(() => {
      if (this.#records === seen && !this.isComplete) {
        console.error(`Nothing came for a minute; ${seen} of ${expected} records did.`)
        process.exit(1)
      }
      seen = this.#records
    }, PATIENCE_MS).unref()
  }

  record(value: Buffer | null): void {
    if (value === null) throw new Error('A record without a value; the topic holds none.')
    if (this.#records === 0) this.#firstAt = performance.now()
    this.#records++
    this.#checksum += (value[0] ?? 0) + (value[value.length - 1] ?? 0)
    if (this.#records === this.#warmUp) {
      console.log(STEADY_LINE)
      this.#steadyCpu = process.cpuUsage()
      this.#steadyAt = performance.now()
    } else if (this.#records === this.#expected) this.#measure()
  }

  get isComplete(): boolean {
    return this.#measured !== undefined
  }

  /** To be called at the end; tells records that came after the last one, too. */
  print(): void {
    console.log(JSON.stringify({ ...this.#measured, records: this.#records, checksum: this.#checksum }))
  }

  #measure(): void {
    const cpu = process.cpuUsage(this.#steadyCpu)
    this.#measured = {
      records: this.#records,
      steadyRecords: this.#records - this.#warmUp,
      steadySeconds: (performance.now() - this.#steadyAt) / 1_000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      firstRecordSeconds: (this.#firstAt - this.#subscribedAt) / 1_000,
      checksum: this.#checksum,
    }
    this.#complete()
  }
}
