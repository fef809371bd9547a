import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What a worker tells its parent: that it is ready, or which of its members has handled a record. */
export type Told = 'ready' | { readonly handledBy: string }

/** A worker in a process of its own, as its parent sees it. */
export class WorkerProcess {
  readonly #byMember = new Map<string, number>()
  readonly #exited: Promise<unknown>

  private constructor(private readonly child: ChildProcess) {
    this.#exited = once(child, 'exit')
    child.on('message', (told: Told) => {
      if (told === 'ready') return
      this.#byMember.set(told.handledBy, (this.#byMember.get(told.handledBy) ?? 0) + 1)
    })
  }

  /** Resolves when the worker's members have joined their group. */
  static async start(words: readonly string[]): Promise<WorkerProcess> {
    const worker = new WorkerProcess(fork(new URL('./worker.js', import.meta.url), words))
    const ready = new Promise<void>((resolve) =>
      worker.child.on('message', (told: Told) => {
        if (told === 'ready') resolve()
      }),
    )
    const died = worker.#exited.then(() => Promise.reject(new Error('A worker died before it was ready.')))
    await Promise.race([ready, died])
    return worker
  }

  get handled(): number {
    return this.handledByMember.reduce((sum, count) => sum + count, 0)
  }

  get handledByMember(): number[] {
    return [...this.#byMember.values()]
  }

  /** Asks it to end, as an orchestrator would, and waits until it has. */
  async end(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.#exited
  }
}
