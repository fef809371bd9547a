import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerProcess, type BrokerLaunch, type Served, type StorageFormat } from './broker-process.js'
import { makeClusterFolder, removeAbandonedFolders, removeFolder } from './cluster-folder.js'
import { freePorts, isFree } from './free-ports.js'
import { findJava } from './java.js'
import { brokerClassPath } from './kafka-jars.js'
import { kafkaVersionOf, type KafkaVersion } from './kafka-version.js'
import { serverProperties, type NodeAddress } from './server-properties.js'

export interface KafkaClusterOptions {
  /** The release. Default: what MILENA_KAFKA_VERSION names, else 4.4.0. */
  readonly version?: KafkaVersion
  /** 1 (default), or 3, each broker and controller in one process. */
  readonly brokers?: 1 | 3
  /** The first broker's port, the others follow it. Default: free ports. */
  readonly port?: number
  /** Kafka's server settings, over this package's own; a function where they differ from node to node, as listeners do. */
  readonly serverProperties?:
    | Readonly<Record<string, string>>
    | ((node: NodeAddress) => Readonly<Record<string, string>>)
  /**
   * Levels of features, such as `{ 'share.version': 0 }` for a cluster without share groups. Default: those of the release
   * (Kafka 4.4: share.version 2; 4.2 and 4.3: 1).
   */
  readonly features?: Readonly<Record<string, number>>
  /** Heap of each broker, in MiB. Default 512. */
  readonly heapMb?: number
  /**
   * More JVM options. Default: those for a quick start (first compiler tier only, serial collector); give `[]` to measure a
   * broker as it would run in production.
   */
  readonly jvmOptions?: readonly string[]
  /** How long the brokers may take until a share group is served, without the fetching of jars. Default 90,000 ms. */
  readonly startTimeoutMs?: number
  /** Told of progress, in sentences. */
  readonly logger?: (line: string) => void
}

export interface KafkaBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  /** Undefined while the broker is down. */
  readonly pid: number | undefined
  /** Ends the broker and resolves when its process is gone. Default SIGKILL; SIGTERM is an orderly shutdown. Data is kept. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends the broker in order if it runs, starts it on its old port and data, and resolves when the cluster serves again. */
  restart(): Promise<void>
}

export interface KafkaCluster {
  readonly version: KafkaVersion
  readonly bootstrapServers: string
  readonly brokers: readonly KafkaBroker[]
  /** The last lines that a broker logged. */
  logTail(nodeId: number, lines?: number): string
  /** Ends all brokers at once and removes their data. Idempotent. */
  stop(): Promise<void>
}

const host = '127.0.0.1'
const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
// A start as one of many programs of a busy machine loses a port now and then.
const portRounds = 3

/**
 * Starts Kafka and resolves when it serves share groups: a group was joined and fetched from, so the coordinators and the
 * state topic are there (with share.version 0: when it has coordinators for groups). The brokers end, and their folder goes, with `stop()` or with this process, whatever ends it; they do
 * not keep it alive.
 *
 * @throws KafkaUnavailableError where Java, Maven or the jars are missing
 */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  const logger = options.logger ?? (() => {})
  const java = await findJava()
  const version = options.version ?? kafkaVersionOf(process.env['MILENA_KAFKA_VERSION'])
  const classPath = await brokerClassPath(version, logger)
  removeAbandonedFolders()
  for (let round = 1; ; round++) {
    const addresses = await chooseAddresses(options.brokers ?? 1, options.port)
    const cluster = new RunningCluster({ options, version, java, classPath, addresses })
    try {
      await cluster.start()
      return cluster
    } catch (error) {
      await cluster.stop()
      if (round === portRounds || options.port !== undefined || !String(error).includes('Address already in use'))
        throw error
    }
  }
}

async function chooseAddresses(brokers: number, port: number | undefined): Promise<NodeAddress[]> {
  const wanted = port === undefined ? [] : Array.from({ length: brokers }, (_, index) => port + index)
  for (const each of wanted) {
    if (!(await isFree(each)))
      throw new Error(`Port ${each} is in use on ${host}. Choose another one, such as ${each + 100}.`)
  }
  const free = await freePorts(2 * brokers)
  return Array.from({ length: brokers }, (_, index) => ({
    nodeId: index + 1,
    port: wanted[index] ?? at(free, index),
    controllerPort: at(free, brokers + index),
  }))
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index]
  if (value === undefined) throw new RangeError(`No element ${index} of ${values.length}.`)
  return value
}

class RunningCluster implements KafkaCluster {
  readonly version: KafkaVersion
  readonly bootstrapServers: string
  readonly brokers: readonly RunningBroker[]
  readonly #options: KafkaClusterOptions
  readonly #folder = makeClusterFolder()
  #stopped: Promise<void> | undefined

  constructor(given: {
    readonly options: KafkaClusterOptions
    readonly version: KafkaVersion
    readonly java: string
    readonly classPath: string
    readonly addresses: readonly NodeAddress[]
  }) {
    const { options, addresses } = given
    this.version = given.version
    this.#options = options
    this.bootstrapServers = addresses.map((each) => `${host}:${each.port}`).join(',')
    this.brokers = addresses.map((address) => {
      const folder = join(this.#folder, `broker-${address.nodeId}`)
      mkdirSync(folder)
      const propertiesFile = join(folder, 'server.properties')
      const data = join(folder, 'data')
      const { serverProperties: overrides = {} } = options
      const own = typeof overrides === 'function' ? overrides(address) : overrides
      writeFileSync(propertiesFile, serverProperties(address, addresses, data, own))
      return new RunningBroker(
        address,
        {
          java: given.java,
          classPath: given.classPath,
          jvmOptions: [`-Xmx${options.heapMb ?? 512}m`, ...(options.jvmOptions ?? quickStart)],
          propertiesFile,
          clusterFolder: this.#folder,
          logFile: join(folder, 'broker.log'),
        },
        { whenServing: () => this.#whenServing(), logger: options.logger ?? (() => {}) },
      )
    })
  }

  async start(): Promise<void> {
    const clusterId = newClusterId()
    this.#options.logger?.(
      `Starting ${this.brokers.length === 1 ? 'a broker' : `${this.brokers.length} brokers`} of Kafka ${this.version} …`,
    )
    for (const broker of this.brokers) broker.launch({ clusterId, features: this.#options.features ?? {} })
    await this.#whenServing()
  }

  logTail(nodeId: number, lines = 40): string {
    const broker = this.brokers.find((each) => each.nodeId === nodeId)
    if (broker === undefined) throw new RangeError(`This cluster has no broker ${nodeId}.`)
    return broker.logTail(lines)
  }

  stop(): Promise<void> {
    this.#stopped ??= Promise.all(this.brokers.map((broker) => broker.discard())).then(() => removeFolder(this.#folder))
    return this.#stopped
  }

  /** All brokers that run are known to the cluster, and a share group is served where they are not switched off. */
  async #whenServing(): Promise<void> {
    const running = this.brokers.filter((broker) => broker.pid !== undefined)
    const timeoutMs = this.#options.startTimeoutMs ?? 90_000
    const served = this.#options.features?.['share.version'] === 0 ? 'groups' : 'share-groups'
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`did not serve a share group within ${timeoutMs} ms`), timeoutMs)
    })
    const firstEnd = Promise.race(running.map(async (broker) => `broker ${broker.nodeId} ended: ${await broker.ended}`))
    const failure = await Promise.race([
      firstEnd,
      late,
      at(running, 0).probe(
        served,
        running.map((broker) => broker.port),
      ),
    ])
    clearTimeout(timer)
    if (failure === undefined) {
      for (const broker of running) broker.watch()
      return
    }
    const dead = running.find((broker) => broker.pid === undefined) ?? at(running, 0)
    throw new Error(
      `Kafka did not start (${failure}). The last lines of broker ${dead.nodeId}'s log:\n${dead.logTail(40)}`,
    )
  }
}

class RunningBroker implements KafkaBroker {
  readonly nodeId: number
  readonly host = host
  readonly port: number
  readonly #launch: BrokerLaunch
  readonly #whenServing: () => Promise<void>
  readonly #logger: (line: string) => void
  #process: BrokerProcess | undefined
  #watched: BrokerProcess | undefined
  /** Ended by us: not worth a word. */
  #ending = false

  constructor(
    address: NodeAddress,
    launch: BrokerLaunch,
    told: { readonly whenServing: () => Promise<void>; readonly logger: (line: string) => void },
  ) {
    this.nodeId = address.nodeId
    this.port = address.port
    this.#launch = launch
    this.#whenServing = told.whenServing
    this.#logger = told.logger
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  get ended(): Promise<string> {
    return this.#process?.ended ?? Promise.resolve('never started')
  }

  launch(format?: StorageFormat): void {
    this.#process = new BrokerProcess(this.#launch, format)
    this.#ending = false
  }

  /** From now on, its end is told unless it was asked for. (Before, the failed start tells it.) */
  watch(): void {
    const serving = this.#process
    if (serving === undefined || serving === this.#watched) return
    this.#watched = serving
    void serving.ended.then((how) => {
      if (this.#ending) return
      this.#logger(`Broker ${this.nodeId} ended by itself (${how}). The last lines of its log:\n${serving.logTail(20)}`)
    })
  }

  probe(served: Served, ports: readonly number[]): Promise<string | undefined> {
    return this.#process?.probe(served, ports) ?? Promise.resolve('the broker was never started')
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#ending = true
    await this.#process?.kill(signal)
  }

  async restart(): Promise<void> {
    await this.kill('SIGTERM')
    this.launch()
    await this.#whenServing()
  }

  async discard(): Promise<void> {
    this.#ending = true
    await this.#process?.discard()
  }

  logTail(lines: number): string {
    return this.#process?.logTail(lines) ?? ''
  }
}

/** 16 random bytes in base64url, the first below 128: an id that begins with a dash is an option for Kafka's storage tool. */
function newClusterId(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0)
  return bytes.toString('base64url')
}
