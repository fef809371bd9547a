import type { ToolHost } from './tool-process.js'

/** A tool's surroundings in tests: what it wrote, and the wish that it ends. */
export class RecordedHost implements ToolHost {
  readonly lines: string[] = []
  readonly complaints: string[] = []
  readonly #stop = new AbortController()
  readonly #stopAt: string | undefined

  /** @param stopAt it is asked to end when it prints a line with this text. */
  constructor(stopAt?: string) {
    this.#stopAt = stopAt
  }

  get stop(): AbortSignal {
    return this.#stop.signal
  }

  readonly print = (line: string): void => {
    this.lines.push(line)
    if (this.#stopAt !== undefined && line.includes(this.#stopAt)) this.#stop.abort()
  }

  readonly complain = (line: string): void => {
    this.complaints.push(line)
  }
}
