import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differenceFrom } from './expected-output.js'

const folderOfExamples = fileURLToPath(new URL('../../../examples', import.meta.url))
/** No example takes a tenth of that. */
const PATIENCE_MS = 120_000

/** How a run of an example went. */
export interface Outcome {
  readonly seconds: number
  /** What is wrong with it; undefined: nothing. */
  readonly fault: string | undefined
  /** All that it printed. */
  readonly output: string
}

/** One of the folders `examples/01-…`, built. */
export class Example {
  private constructor(
    /** The folder's name, as `01-first-listener`. */
    readonly name: string,
    /** Node's arguments, from its folder. */
    private readonly words: readonly string[],
    private readonly expectedOutput: string,
  ) {}

  /** All of them, in order. */
  static async all(): Promise<Example[]> {
    const folders = (await readdir(folderOfExamples)).filter((name) => /^\d\d-/.test(name)).sort()
    return Promise.all(
      folders.map(async (name) => {
        const textOf = (file: string): Promise<string> => readFile(join(folderOfExamples, name, file), 'utf8')
        const { scripts } = JSON.parse(await textOf('package.json')) as { readonly scripts: Record<string, string> }
        // An example is a program, or the tests of one.
        const [program, ...words] = (scripts['start'] ?? scripts['test'] ?? '').split(' ')
        if (program !== 'node')
          throw new Error(`examples/${name}/package.json has no script 'start' or 'test' that begins with node.`)
        return new Example(name, words, await textOf('expected-output.txt'))
      }),
    )
  }

  /** Whether it can run on a Kafka; the tests of a listener bring their own broker. */
  get takesBootstrap(): boolean {
    return !this.words.includes('--test')
  }

  /** Runs it, on the embedded broker unless another is named, and looks at what it printed. Never rejects. */
  async run(bootstrap?: string): Promise<Outcome> {
    const began = performance.now()
    const words = bootstrap === undefined ? this.words : [...this.words, '--bootstrap', bootstrap]
    const { stdout, output, ended } = await this.#play(words)
    const seconds = (performance.now() - began) / 1000
    const fault = ended ?? differenceFrom(this.expectedOutput, stdout)
    return { seconds, fault, output }
  }

  #play(words: readonly string[]): Promise<{ stdout: string; output: string; ended: string | undefined }> {
    const { MILENA_BOOTSTRAP: _, ...env } = process.env
    const child = spawn(process.execPath, words, {
      cwd: join(folderOfExamples, this.name),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
    })
    let stdout = ''
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    return new Promise((resolve) => {
      child.once('error', (error) => resolve({ stdout, output, ended: `It could not be run: ${error.message}` }))
      child.once('close', (code, signal) => resolve({ stdout, output, ended: howItEnded(code, signal) }))
    })
  }
}

function howItEnded(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (code === 0) return undefined
  if (code !== null) return `It ended with exit code ${code}.`
  return `It was ended by ${signal ?? 'a signal'}; it has ${PATIENCE_MS / 1000} s.`
}
