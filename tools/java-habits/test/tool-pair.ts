import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findJava, kafkaClassPath } from '@milena/tools-kafka'

export type ToolName = 'VerifiableShareConsumer' | 'ShareConsumerPerformance'
export type Maker = 'java' | 'milena'

/** What a tool left behind. */
export interface ToolRun {
  readonly code: number | null
  /** The lines of its standard output. */
  readonly lines: readonly string[]
  readonly errors: readonly string[]
}

/** A signal to send when a line with this text appears. */
export interface Ending {
  readonly after: string
  readonly signal: 'SIGTERM' | 'SIGINT'
}

const FOLDERS = {
  VerifiableShareConsumer: 'verifiable-share-consumer',
  ShareConsumerPerformance: 'share-consumer-performance',
} as const

const JVM = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx256m']
const LONGEST_RUN_MS = 60_000

/** Runs Kafka's tools and those that stand in for them. */
export class ToolPair {
  readonly #running = new Set<ChildProcess>()
  #folder: string | undefined

  /** Runs the tool of one maker to its end. Milena's is its bin.js: the built one. */
  async run(maker: Maker, tool: ToolName, words: readonly string[], ending?: Ending): Promise<ToolRun> {
    const [program, first] =
      maker === 'java'
        ? [await findJava(), [...JVM, '-cp', await classPath(), `org.apache.kafka.tools.${tool}`]]
        : [process.execPath, [fileURLToPath(new URL(`../../${FOLDERS[tool]}/bin.js`, import.meta.url))]]
    const child = spawn(program, [...first, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#running.add(child)
    const lines: string[] = []
    const errors: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (ending !== undefined && line.includes(ending.after)) child.kill(ending.signal)
    })
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
    const tooLong = setTimeout(() => child.kill('SIGKILL'), LONGEST_RUN_MS)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => {
        clearTimeout(tooLong)
        this.#running.delete(child)
        resolve({ code, lines, errors })
      })
    })
  }

  /** A file of the suite's own; resolves to its path. */
  file(name: string, content: string): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'milena-tool-pair-'))
    const path = join(this.#folder, name)
    writeFileSync(path, content)
    return path
  }

  close(): void {
    for (const child of this.#running) child.kill('SIGKILL')
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }
}

function classPath(): Promise<string> {
  return kafkaClassPath('command-line', (line) => process.stderr.write(`kafka: ${line}\n`))
}
