import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Measurements } from '../subjects/consumption.js'
import { cpuSecondsBetween, cpuSecondsOf } from './process-cpu.js'
import type { Command, Subject, SubjectRun } from './subjects.js'

/** What a subject measured, and what its broker used meanwhile. */
export interface Consumed extends Measurements {
  readonly brokerCpuSeconds: number | undefined
}

interface Sample {
  readonly at: number
  readonly subject: number | undefined
  readonly broker: number | undefined
}

/** Reads a subject's lines and turns them into measurements. */
interface LineReader {
  line(text: string, sample: () => Sample): void
  measured(): Consumed | undefined
}

/** Runs a subject to its end. */
export async function consume(subject: Subject, run: SubjectRun, brokerPid: number | undefined): Promise<Consumed> {
  const reader = subject.family === 'kafka-tool' ? new ToolReader(run.records) : new SubjectReader()
  const command = subject.command(run)
  const { code, errors } = await runWatched(command, brokerPid, reader)
  const measured = reader.measured()
  if (code !== 0 || measured === undefined) {
    throw new Error(`${subject.title} ended with exit code ${code} and without a measurement.\n${errors.slice(-4_000)}`)
  }
  return measured
}

function runWatched(command: Command, brokerPid: number | undefined, reader: LineReader) {
  return new Promise<{ code: number | string; errors: string }>((resolve, reject) => {
    const child = spawn(command.program, command.args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const follow = (): boolean => child.kill('SIGKILL')
    process.once('exit', follow)
    const sample = (): Sample => ({
      at: performance.now(),
      subject: cpuSecondsOf(child.pid),
      broker: cpuSecondsOf(brokerPid),
    })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    createInterface({ input: child.stdout }).on('line', (text) => reader.line(text, sample))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('exit', follow)
      resolve({ code: code ?? signal ?? 'unknown', errors })
    })
  })
}

/** For the programs of this package: a line at the begin of the steady part, one with measurements at its end. */
class SubjectReader implements LineReader {
  #begin: Sample | undefined
  #measured: Consumed | undefined

  line(text: string, sample: () => Sample): void {
    if (!text.startsWith('{')) return
    const told = JSON.parse(text) as Measurements | { readonly steady: true }
    if ('steady' in told) this.#begin = sample()
    else this.#measured = { ...told, brokerCpuSeconds: cpuSecondsBetween(this.#begin?.broker, sample().broker) }
  }

  measured(): Consumed | undefined {
    return this.#measured
  }
}

/**
 * For ShareConsumerPerformance, which prints how many records it has had, every 100 ms: `from, to, MB, MB/s, records/s, records, ms for
 * share consumer 1`. The steady part is from the first line past a fifth of the records to the last one.
 */
class ToolReader implements LineReader {
  readonly #expected: number
  #begin: { readonly records: number; readonly sample: Sample } | undefined
  #end: { readonly records: number; readonly sample: Sample } | undefined
  #firstRecordSeconds: number | undefined

  constructor(expected: number) {
    this.#expected = expected
  }

  line(text: string, sample: () => Sample): void {
    const row = /, (\d+), (\d+) for share consumer/.exec(text)
    if (row === null) return
    const records = Number(row[1])
    // The first line comes with the first record, as that is longer than a line's time in coming.
    this.#firstRecordSeconds ??= Number(row[2]) / 1_000
    if (this.#begin === undefined) {
      if (records >= this.#expected / 5) this.#begin = { records, sample: sample() }
    } else if (records > this.#begin.records) this.#end = { records, sample: sample() }
  }

  measured(): Consumed | undefined {
    if (this.#begin === undefined || this.#end === undefined) return undefined
    const [from, to] = [this.#begin.sample, this.#end.sample]
    return {
      records: this.#expected,
      steadyRecords: this.#end.records - this.#begin.records,
      steadySeconds: (to.at - from.at) / 1_000,
      cpuSeconds: cpuSecondsBetween(from.subject, to.subject),
      firstRecordSeconds: this.#firstRecordSeconds,
      brokerCpuSeconds: cpuSecondsBetween(from.broker, to.broker),
    }
  }
}
