import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Socket } from 'node:net'
import { packageFolder } from './kafka-jars.js'

export interface BrokerLaunch {
  readonly java: string
  readonly classPath: string
  readonly jvmOptions: readonly string[]
  /** server.properties of this node. */
  readonly propertiesFile: string
  /** The folder that goes when the parent goes. */
  readonly clusterFolder: string
  readonly logFile: string
}

/** How a node's storage is made. */
export interface StorageFormat {
  readonly clusterId: string
  /** Levels of features, where they are not to be those of the release. */
  readonly features: Readonly<Record<string, number>>
}

/** What a cluster must serve to be called ready. */
export type Served = 'share-groups' | 'groups'

/** One JVM with a Kafka node in it. Ends with this process, also when that is killed (see BrokerProcess.java). */
export class BrokerProcess {
  readonly #child: ChildProcess
  readonly #logFile: string
  readonly #answers: ((line: string) => void)[] = []
  /** Resolves once the JVM is gone, to the way it went: "exit code 1", "SIGKILL". */
  readonly ended: Promise<string>
  #hasEnded = false

  /** @param format given: the storage is formatted first */
  constructor(launch: BrokerLaunch, format?: StorageFormat) {
    this.#logFile = launch.logFile
    const log = openSync(launch.logFile, 'a')
    this.#child = spawn(
      launch.java,
      [
        ...launch.jvmOptions,
        `-Dlog4j2.configurationFile=${join(packageFolder, 'log4j2.properties')}`,
        // Outside the cluster's folder nothing is written.
        '-XX:-UsePerfData',
        `-Djava.io.tmpdir=${launch.clusterFolder}`,
        `-XX:ErrorFile=${launch.logFile}.crash`,
        '-cp',
        launch.classPath,
        'milena.kafka.BrokerProcess',
        launch.propertiesFile,
        launch.clusterFolder,
        ...(format === undefined ? [] : [format.clusterId, ...featureArguments(format)]),
      ],
      {
        stdio: ['pipe', 'pipe', log],
        // In a group of its own: Ctrl-C in the terminal is this process's business, the JVM follows the end of the pipe.
        detached: true,
        cwd: launch.clusterFolder,
      },
    )
    closeSync(log)
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#hasEnded = true
        resolve(how)
        for (const answer of this.#answers.splice(0)) answer(`FAILED the broker ended (${how})`)
      }
      this.#child.once('error', (error) => end(error.message))
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
    this.#child.stdin?.on('error', () => {
      // The JVM went first; `ended` tells.
    })
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answers.shift()?.(line))
    }
    this.#unref()
  }

  get pid(): number | undefined {
    return this.#hasEnded ? undefined : this.#child.pid
  }

  get isRunning(): boolean {
    return !this.#hasEnded
  }

  /** Asks this node to use what the brokers on these ports are to serve, and resolves to undefined or to what is wrong. */
  probe(served: Served, ports: readonly number[]): Promise<string | undefined> {
    if (this.#hasEnded) return Promise.resolve('the broker is not running')
    return new Promise((resolve) => {
      this.#answers.push((line) => resolve(line.startsWith('READY') ? undefined : line.replace(/^FAILED /, '')))
      this.#child.stdin?.write(`probe ${served} ${ports.join(' ')}\n`)
    })
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill(signal)
    await this.#awaitEnd()
  }

  /** Ends the pipe: the JVM removes the cluster's folder and halts. */
  async discard(): Promise<void> {
    if (this.#hasEnded) return
    this.#child.stdin?.end()
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.#awaitEnd()
    clearTimeout(patience)
  }

  logTail(lines: number): string {
    let text: string
    try {
      text = readFileSync(this.#logFile, 'utf8')
    } catch {
      return '(its log is gone)'
    }
    return text.trimEnd().split('\n').slice(-lines).join('\n')
  }

  async #awaitEnd(): Promise<void> {
    this.#child.ref()
    await this.ended
  }

  /** A forgotten cluster must not keep its parent alive: the JVM goes when the parent is done. */
  #unref(): void {
    this.#child.unref()
    for (const pipe of [this.#child.stdin, this.#child.stdout]) (pipe as Socket | null)?.unref()
  }
}

function featureArguments({ features }: StorageFormat): string[] {
  return Object.entries(features).map(([name, level]) => `${name}=${level}`)
}
