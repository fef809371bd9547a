import type { AcknowledgementCommitCallback, ConsumerRecord } from '@milena/client'
import { numberAt, type Answered, type HandedOut, type MemberLine } from '../member-lines.js'

// Standard output is a pipe, which Node writes synchronously: what a member said before it was killed is read.

const ACCEPT = 1

type BytesRecord = ConsumerRecord<Buffer | null, Buffer | null>
type Verdict = Parameters<AcknowledgementCommitCallback>[0]

export class MemberReport {
  readonly #partitions: number
  #handedOut: HandedOut[] = []
  #finished: Answered[] = []
  #flushing = false

  constructor(partitions: number) {
    this.#partitions = partitions
    process.on('unhandledRejection', (reason) => {
      this.#say({ unhandled: textOf(reason) })
    })
    process.on('uncaughtException', (error) => {
      this.#say({ unhandled: textOf(error) })
      process.exit(70)
    })
    process.on('warning', (warning) => this.#say({ unhandled: `warning: ${textOf(warning)}` }))
  }

  /** Is written with the others that are handed out in a row, or by flush(). */
  received(record: BytesRecord): void {
    const { partition, offset, deliveryCount } = record
    const expected = String(numberAt(partition, offset, this.#partitions))
    if (record.value?.toString() !== expected) {
      this.#say({ foreign: `${record.topic}-${partition}@${offset} is ${String(record.value)}, not ${expected}` })
    }
    const last = this.#handedOut.at(-1)
    if (last !== undefined && last[0] === partition && last[2] === offset - 1 && last[3] === deliveryCount) {
      this.#handedOut[this.#handedOut.length - 1] = [partition, last[1], offset, deliveryCount]
      return
    }
    this.#handedOut.push([partition, offset, offset, deliveryCount])
    this.#flushSoon()
  }

  /** The application answers it now. */
  finished({ partition, offset }: BytesRecord): void {
    extend(this.#finished, partition, offset)
    this.#flushSoon()
  }

  flush(): void {
    if (this.#handedOut.length > 0) this.#say({ received: this.#handedOut })
    if (this.#finished.length > 0) this.#say({ finished: this.#finished })
    this.#handedOut = []
    this.#finished = []
  }

  readonly verdict = ({ partition, batches, error }: Verdict): void => {
    const accepted: Answered[] = []
    for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
      for (let offset = firstOffset; offset <= lastOffset; offset++) {
        const type = acknowledgeTypes.length === 1 ? acknowledgeTypes[0] : acknowledgeTypes[offset - firstOffset]
        if (type === ACCEPT) extend(accepted, partition.partition, offset)
      }
    }
    if (accepted.length === 0) return
    this.flush()
    if (error === undefined) this.#say({ accepted })
    else this.#say({ refused: accepted, error: codeOf(error) })
  }

  error(error: unknown, during: string): void {
    this.#say({ error: `${during}: ${codeOf(error)}` })
  }

  stopping(): void {
    this.#say({ stopping: true })
  }

  /** Called when everything is closed: from here on nothing may keep the process. */
  async stopped(): Promise<void> {
    this.flush()
    // What is being closed is gone by the next turns of the event loop.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    this.#say({ stopped: process.getActiveResourcesInfo().filter((kind) => !OUTPUT.has(kind)) })
  }

  /** Before anything that follows from these records can reach a broker: a member that is killed then has told of them. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.flush()
    })
  }

  #say(line: Omit<MemberLine, 't'>): void {
    process.stdout.write(`${JSON.stringify({ t: Date.now(), ...line })}\n`)
  }
}

function extend(runs: Answered[], partition: number, offset: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last[0] === partition && last[2] === offset - 1) {
    runs[runs.length - 1] = [partition, last[1], offset]
  } else runs.push([partition, offset, offset])
}

/** Standard output and standard error. */
const OUTPUT: ReadonlySet<string> = new Set(['PipeWrap', 'TTYWrap', 'FSReqCallback'])

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : String(error)
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
