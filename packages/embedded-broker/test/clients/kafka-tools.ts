import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findJava, kafkaClassPath, KafkaUnavailableError } from '@milena/tools-kafka'
import { describeOnBrokers, type OnBrokersOptions, type TestBroker } from '@milena/tools-test-brokers'
import { afterAll, it } from 'vitest'

/** What a tool left behind. */
export interface ToolRun {
  readonly code: number | null
  /** The lines of its standard output that are not empty, without blanks at their ends. */
  readonly lines: readonly string[]
  /** Standard output and standard error. */
  readonly output: string
}

/** A tool that has not ended. */
export interface RunningTool {
  /** Resolves to the first line of its output, also an earlier one, that contains a text; rejects when it ends without. */
  line(text: string): Promise<string>
  /** Asks it to end, as Ctrl+C does. */
  stop(): Promise<ToolRun>
}

interface Given {
  /** The broker. Default: the suite's. */
  readonly at?: string
  /** Properties of the client, given in a file: what security needs. */
  readonly config?: Readonly<Record<string, string>>
}

// What keeps a JVM's start short.
const jvmOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Xmx256m']
const LONGEST_RUN_MS = 60_000

interface FoundTools {
  readonly program: string
  readonly classPath: string
}

const found = await findTools()

async function findTools(): Promise<FoundTools | { readonly notRun: string }> {
  try {
    const program = await findJava()
    const classPath = await kafkaClassPath('command-line', (line) => process.stderr.write(`kafka: ${line}\n`))
    return { program, classPath }
  } catch (error) {
    if (error instanceof KafkaUnavailableError) return { notRun: error.message }
    throw error
  }
}

/**
 * A suite that drives Kafka's own command-line tools, on every kind of broker. Where Java or the tools cannot be had it is
 * reported as not run for each kind; with MILENA_REQUIRE_KAFKA=1 that is a failure.
 */
export function describeKafkaTools(
  name: string,
  suite: (broker: TestBroker, tools: KafkaTools) => void,
  options: OnBrokersOptions = {},
): void {
  const withTools = (broker: TestBroker, java: FoundTools): void => {
    const tools = new KafkaTools(java, broker)
    afterAll(() => tools.close())
    suite(broker, tools)
  }
  const run = (broker: TestBroker): void => ('notRun' in found ? cannotRun(found.notRun) : withTools(broker, found))
  describeOnBrokers(name, run, options)
}

function cannotRun(reason: string): void {
  const required = process.env['MILENA_REQUIRE_KAFKA'] === '1'
  it(required ? 'runs' : 'is not run', { meta: required ? {} : { brokerNotRun: reason } }, (context) => {
    if (required) throw new Error(`MILENA_REQUIRE_KAFKA=1, but Kafka's tools cannot be run: ${reason}`)
    context.skip(reason)
  })
}

/** Kafka's tools, each run being a JVM of its own. */
export class KafkaTools {
  readonly #java: FoundTools
  readonly #broker: TestBroker
  readonly #running = new Set<ChildProcess>()
  #folder: string | undefined

  constructor(java: FoundTools, broker: TestBroker) {
    this.#java = java
    this.#broker = broker
  }

  /** Runs a tool of org.apache.kafka.tools to its end. */
  run(tool: string, args: readonly string[], given: Given = {}): Promise<ToolRun> {
    return this.#spawn(tool, args, given).ended
  }

  start(tool: string, args: readonly string[], given: Given = {}): RunningTool {
    const { child, ended, seen } = this.#spawn(tool, args, given)
    return {
      line: (text) =>
        new Promise((resolve, reject) => {
          const look = (line: string): void => {
            if (line.includes(text)) resolve(line)
          }
          seen.earlier.forEach(look)
          seen.listeners.push(look)
          const tooEarly = (run: ToolRun): void => reject(new Error(`${tool} ended without "${text}":\n${run.output}`))
          ended.then(tooEarly, reject)
        }),
      stop() {
        child.kill('SIGTERM')
        return ended
      },
    }
  }

  /** A file of the suite's own; resolves to its path. */
  file(name: string, content: string): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'milena-kafka-tools-'))
    const path = join(this.#folder, name)
    writeFileSync(path, content)
    return path
  }

  close(): void {
    for (const child of this.#running) child.kill('SIGKILL')
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #spawn(tool: string, args: readonly string[], { at = this.#broker.bootstrapServers, config }: Given) {
    const { program, classPath } = this.#java
    const more = config === undefined ? [] : ['--command-config', this.#properties(config)]
    const child = spawn(
      program,
      [...jvmOptions, '-cp', classPath, `org.apache.kafka.tools.${tool}`, '--bootstrap-server', at, ...args, ...more],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.#running.add(child)
    const lines: string[] = []
    const errors: string[] = []
    const seen = { earlier: lines, listeners: [] as ((line: string) => void)[] }
    createInterface({ input: child.stdout }).on('line', (line) => {
      const text = line.trim()
      if (text === '') return
      lines.push(text)
      for (const listener of seen.listeners) listener(text)
    })
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
    const tooLong = setTimeout(() => {
      errors.push(`It did not end within ${LONGEST_RUN_MS / 1000} s and was killed.`)
      child.kill('SIGKILL')
    }, LONGEST_RUN_MS)
    const ended = new Promise<ToolRun>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => {
        clearTimeout(tooLong)
        this.#running.delete(child)
        resolve({ code, lines, output: [...lines, ...errors].join('\n') })
      })
    })
    return { child, ended, seen }
  }

  #properties(config: Readonly<Record<string, string>>): string {
    const text = Object.entries(config).map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    return this.file('client.properties', text.join(''))
  }
}
