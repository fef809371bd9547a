import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { MemberLine, MemberOrder } from './member-lines.js'
import type { Subject } from './subjects.js'

/** How long a member that was told to stop may take until it is ended by force. Java's takes 31 s where a broker is lost. */
const STOP_PATIENCE_MS = 60_000
const KEPT_ERROR_LINES = 30

/** How a member ended after it had been told to. */
export interface MemberStop {
  readonly name: string
  /** From the signal to the end of the process. */
  readonly tookMs: number
  /** From the word that everything is closed to the end of the process; undefined: that word never came. */
  readonly lingeredMs: number | undefined
  readonly exit: string
  /** What kept the process when all was closed. */
  readonly leftovers: readonly string[]
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class MemberProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<string>
  readonly #errors: string[] = []
  #isRunning = true
  #isToEnd = false
  #stoppedAt: number | undefined
  #leftovers: readonly string[] = []

  constructor(
    subject: Subject,
    order: MemberOrder,
    told: { readonly line: (line: MemberLine) => void; readonly died: (how: string) => void },
  ) {
    this.name = order.name
    const { program, args } = subject.command(order)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(child)
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!text.startsWith('{')) return
      const line = JSON.parse(text) as MemberLine
      if (line.stopped !== undefined) {
        this.#stoppedAt = Date.now()
        this.#leftovers = line.stopped
      }
      told.line(line)
    })
    createInterface({ input: child.stderr }).on('line', (text) => {
      this.#errors.push(text)
      if (this.#errors.length > KEPT_ERROR_LINES) this.#errors.shift()
    })
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#isRunning = false
        running.delete(child)
        if (!this.#isToEnd) told.died(`${how}\n${this.errorLines}`)
        resolve(how)
      }
      child.once('error', (error) => end(error.message))
      // 'close': its last lines are read.
      child.once('close', (code, signal) => end(signal ?? `exit code ${code}`))
    })
  }

  get isRunning(): boolean {
    return this.#isRunning && !this.#isToEnd
  }

  /** The last lines of its standard error. */
  get errorLines(): string {
    return this.#errors.join('\n')
  }

  async kill(): Promise<void> {
    this.#isToEnd = true
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** Tells it to stop and waits for its end. */
  async stop(): Promise<MemberStop> {
    this.#isToEnd = true
    const from = Date.now()
    this.#child.kill('SIGTERM')
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), STOP_PATIENCE_MS)
    const exit = await this.#ended
    clearTimeout(patience)
    const to = Date.now()
    return {
      name: this.name,
      tookMs: to - from,
      lingeredMs: this.#stoppedAt === undefined ? undefined : to - this.#stoppedAt,
      exit,
      leftovers: this.#leftovers,
    }
  }
}
