import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startKafkaCluster } from './kafka-cluster.js'
import { packageFolder } from './kafka-jars.js'
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.js'

/**
 * The cluster of `kafka up`: a keeper process in the background owns it (and takes it along when it dies), a state file says
 * which process that is and how far it is.
 */
export interface BackgroundState {
  readonly keeper: ProcessIdentity
  readonly brokers: number
  /** Present once the cluster serves. */
  readonly bootstrapServers?: string
}

export interface UpOptions {
  readonly brokers: 1 | 3
  readonly port: number
}

/** In the repository, gitignored: one background cluster per clone (the tests have one of their own). */
const defaultFolder = process.env['MILENA_KAFKA_STATE'] ?? join(packageFolder, '..', '..', '.kafka')

export class BackgroundCluster {
  readonly #stateFile: string
  readonly #logFile: string
  readonly #folder: string

  constructor(folder = defaultFolder) {
    this.#folder = folder
    this.#stateFile = join(folder, 'up.json')
    this.#logFile = join(folder, 'keeper.log')
  }

  /** What runs now, or undefined. The state of a keeper that died is removed. */
  state(): BackgroundState | undefined {
    let state: BackgroundState
    try {
      state = JSON.parse(readFileSync(this.#stateFile, 'utf8')) as BackgroundState
    } catch {
      return undefined
    }
    if (isAlive(state.keeper)) return state
    rmSync(this.#stateFile, { force: true })
    return undefined
  }

  /** Starts a keeper and waits until its cluster serves. Rejects with the reason when it does not. */
  async up(options: UpOptions, progress: (line: string) => void): Promise<BackgroundState> {
    mkdirSync(this.#folder, { recursive: true })
    const log = openSync(this.#logFile, 'w')
    const keeper = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('./cli.js', import.meta.url)),
        'keep',
        this.#folder,
        String(options.brokers),
        String(options.port),
      ],
      { detached: true, stdio: ['ignore', log, log] },
    )
    closeSync(log)
    const gone = new Promise<void>((resolve) => {
      keeper.once('exit', () => resolve())
      keeper.once('error', () => resolve())
    })
    let isGone = false
    void gone.then(() => (isGone = true))
    let shown = 0
    while (true) {
      const lines = readFileSync(this.#logFile, 'utf8').split('\n').slice(0, -1)
      const state = this.state()
      if (!isGone) {
        for (const line of lines.slice(shown)) progress(line)
        shown = lines.length
      }
      if (state?.bootstrapServers !== undefined) {
        keeper.unref()
        return state
      }
      if (isGone) throw new Error(lines.slice(shown).join('\n') || 'The background process ended without a word.')
      await Promise.race([sleep(100), gone])
    }
  }

  /** Ends the keeper, and with it the cluster. False: nothing ran. */
  async down(): Promise<boolean> {
    const state = this.state()
    if (state === undefined) return false
    process.kill(state.keeper.pid, 'SIGTERM')
    const patience = Date.now() + 20_000
    while (isAlive(state.keeper)) {
      // Its brokers follow the end of their pipe.
      if (Date.now() > patience) process.kill(state.keeper.pid, 'SIGKILL')
      await sleep(100)
    }
    rmSync(this.#stateFile, { force: true })
    return true
  }

  /** The keeper's own life: start, tell, wait for the order to end. */
  async keep(options: UpOptions): Promise<void> {
    const write = (more: Partial<BackgroundState>): void => {
      mkdirSync(this.#folder, { recursive: true })
      const state: BackgroundState = { keeper: identityOf(process.pid), brokers: options.brokers, ...more }
      writeFileSync(this.#stateFile, `${JSON.stringify(state)}\n`)
    }
    write({})
    const order = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve())
    })
    // The cluster keeps nobody alive; the keeper's job is to live.
    const alive = setInterval(() => {}, 60_000)
    try {
      const cluster = await startKafkaCluster({
        brokers: options.brokers,
        port: options.port,
        // For somebody at work, not for a short test: all compiler tiers.
        jvmOptions: [],
        heapMb: 1024,
        logger: (line) => console.log(line),
      })
      write({ bootstrapServers: cluster.bootstrapServers })
      await order
      await cluster.stop()
    } finally {
      clearInterval(alive)
      rmSync(this.#stateFile, { force: true })
    }
  }
}
