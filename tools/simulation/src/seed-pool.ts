import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AppKind } from './apps/app.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

/** A history that takes longer than this in real time does not end: its microtasks have become a loop. */
const HANG_MS = 60_000

const worker = fileURLToPath(new URL('./worker.js', import.meta.url))
const plantHooks = new URL('./plant-hooks.js', import.meta.url).href

/** What is done with the seeds. */
export interface SeedRun {
  readonly from: number
  readonly seeds: number
  readonly jobs: number
  readonly keepStory?: boolean
  /** The applications that there are. */
  readonly kinds: readonly AppKind[]
  /** The name of a planted bug that the client's code is loaded with. */
  readonly plant?: string | undefined
  /** Told each result, in the order of their coming; true ends the run. */
  readonly onResult: (result: FromWorker) => boolean
}

/** Plays seeds in processes of their own, and resolves when all are played or onResult has seen enough. */
export async function playSeeds(run: SeedRun): Promise<void> {
  let next = run.from
  const end = run.from + run.seeds
  let isOver = false
  const take = (): number | undefined => (isOver || next >= end ? undefined : next++)
  const told = (result: FromWorker): void => {
    isOver = run.onResult(result) || isOver
  }
  await Promise.all(Array.from({ length: Math.min(run.jobs, run.seeds) }, () => serve(run, take, told)))
}

/** One worker after another, as long as there are seeds: a worker that hangs or dies is replaced, and its seed has failed. */
async function serve(
  { plant, kinds, keepStory = false }: SeedRun,
  take: () => number | undefined,
  told: (result: FromWorker) => void,
): Promise<void> {
  let child: ChildProcess | undefined
  for (let seed = take(); seed !== undefined; seed = take()) {
    child ??= start(plant)
    const result = await play(child, { seed, keepStory, kinds })
    told(result)
    if (child.exitCode !== null || child.signalCode !== null || !child.connected) child = undefined
  }
  child?.disconnect()
}

function start(plant: string | undefined): ChildProcess {
  return fork(worker, {
    execArgv: plant === undefined ? [] : ['--import', plantHooks],
    env: { ...process.env, ...(plant !== undefined && { MILENA_SIMULATION_PLANT: plant }) },
  })
}

function play(child: ChildProcess, message: ToWorker): Promise<FromWorker> {
  return new Promise((resolve) => {
    const fail = (what: string): void =>
      end({
        seed: message.seed,
        hash: '',
        findings: [{ invariant: 'PLAYED', what, atMs: 0 }],
        tally: [],
        lines: [],
      })
    const died = (code: number | null): void => fail(`the process of the history ended by itself (${code})`)
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`the history has not ended after ${HANG_MS / 1_000} s of real time`)
    }, HANG_MS)
    const end = (result: FromWorker): void => {
      clearTimeout(timer)
      child.off('exit', died)
      child.off('message', end)
      resolve(result)
    }
    child.once('message', end)
    child.once('exit', died)
    child.send(message)
  })
}
