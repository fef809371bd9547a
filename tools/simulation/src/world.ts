import { EmbeddedBroker } from '@milena/embedded-broker'
import { SeededRandom, VirtualClock, type Logger, type TransportAddress } from '@milena/protocol/runtime'
import type { App, AppKind } from './apps/app.js'
import { UNDECODABLE } from './apps/deserialiser.js'
import { makeApp } from './apps/make-app.js'
import { DamagedAnswers } from './damaged-answers.js'
import { Dice } from './dice.js'
import type { Findings } from './findings.js'
import { LogTruth } from './log-truth.js'
import type { Scenario } from './scenario.js'
import { SimNetwork } from './sim-network.js'
import { SimProcess } from './sim-process.js'
import { writeTransaction } from './transaction-writer.js'
import { Truth } from './truth.js'

/** A process that runs an application. */
export interface Running {
  readonly process: SimProcess
  readonly app: App
  readonly kind: AppKind
  readonly groupId: string
  /** Its end is under way, or over. */
  stopping: Promise<void> | undefined
}

const MAX_RECORDS = 400
/** A stop that was short of time goes on closing behind its end for so long at most. */
export const CLEANUP_MS = 10_000

/** The cluster, the network, the processes and the truth of one history. */
export class World {
  readonly truth: Truth
  readonly log = new LogTruth()
  readonly running: Running[] = []
  readonly network: SimNetwork
  readonly damage: DamagedAnswers
  isCalm = false
  readonly #killed = new Set<SimProcess>()
  readonly #ended: { readonly process: SimProcess; readonly kind: AppKind; readonly dueMs: number }[] = []
  #processes = 0
  #values = 0

  private constructor(
    readonly scenario: Scenario,
    readonly broker: EmbeddedBroker<VirtualClock>,
    readonly dice: Dice,
    readonly findings: Findings,
    private readonly addresses: readonly TransportAddress[],
  ) {
    this.truth = new Truth(broker.clock, findings, this.log)
    for (const { id, name } of broker.inspect().topics) this.truth.topicNames.set(id, name)
    this.damage = new DamagedAnswers(this.log, this.truth.topicNames, scenario.hasHoles)
    this.truth.alter = (response) => this.damage.alter(response)
    this.network = new SimNetwork({
      clock: broker.clock,
      dice: dice.fork(),
      inner: broker.transport,
      nodeAt: ({ host, port }) => this.addresses.findIndex((each) => each.host === host && each.port === port) + 1,
      observer: this.truth,
      baseMs: scenario.baseMs,
      jitterMs: scenario.jitterMs,
    })
  }

  static async open(scenario: Scenario, clock: VirtualClock, findings: Findings): Promise<World> {
    const { seed, brokers, version, topics, groups, deliveryLimit } = scenario
    const dice = new Dice(seed ^ 0x5eed)
    const broker = await EmbeddedBroker.start({
      brokers,
      version,
      network: 'memory',
      clock,
      random: new SeededRandom(seed + 1),
      topics: topics.map((topic) => ({ ...topic, replicationFactor: brokers })),
      rememberedRequests: 0,
      serverProperties: {
        'group.share.min.record.lock.duration.ms': '1000',
        'group.share.min.session.timeout.ms': '3000',
        'group.share.min.heartbeat.interval.ms': '500',
        'group.share.delivery.count.limit': String(deliveryLimit),
      },
      logger: simLogger(findings, 'broker'),
    })
    for (const { id, isReadCommitted, lockMs, maxLocks } of groups) {
      broker.setGroupConfig(id, {
        'share.auto.offset.reset': 'earliest',
        'share.isolation.level': isReadCommitted ? 'read_committed' : 'read_uncommitted',
        'share.record.lock.duration.ms': String(lockMs),
        'share.session.timeout.ms': '6000',
        'share.heartbeat.interval.ms': '1000',
        ...(maxLocks !== undefined && version !== '4.2' && { 'share.partition.max.record.locks': String(maxLocks) }),
      })
    }
    const addresses = broker.bootstrapServers.split(',').map((each) => {
      const [host = '', port] = each.split(':')
      return { host, port: Number(port) }
    })
    const world = new World(scenario, broker, dice, findings, addresses)
    findings.say(JSON.stringify(scenario))
    await world.#fill()
    for (const { kind, group } of scenario.apps) world.launch(kind, groups[group]?.id ?? '')
    return world
  }

  get places(): { readonly topic: string; readonly partition: number }[] {
    return this.scenario.topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
    )
  }

  /** Processes that run, or are being stopped; not the dead. */
  get alive(): Running[] {
    return this.running.filter(({ process }) => !process.isDead)
  }

  launch(kind: AppKind, groupId: string): Running {
    const process = new SimProcess(`p${++this.#processes}`, this.broker.clock, this.findings)
    const dice = this.dice.fork()
    const app = makeApp(kind, {
      process,
      transport: this.network.transportOf(process),
      random: dice.fork().random,
      dice,
      truth: this.truth,
      findings: this.findings,
      logger: simLogger(this.findings, process.name),
      bootstrapServers: this.broker.bootstrapServers,
      groupId,
      topics: this.scenario.topics.map(({ name }) => name),
      lockMs: this.scenario.groups[0]?.lockMs ?? 1_000,
      isCalm: () => this.isCalm,
    })
    const running: Running = { process, app, kind, groupId, stopping: undefined }
    this.running.push(running)
    this.findings.count(`app ${kind}`)
    this.findings.say(`${process.name} starts: ${kind} in ${groupId}`)
    app.start()
    return running
  }

  /** Ends an application in good order, and looks at what it has left behind. */
  stop(running: Running, timeoutMs: number): Promise<void> {
    running.stopping ??= this.#stop(running, timeoutMs)
    return running.stopping
  }

  async #stop({ process, app, kind }: Running, timeoutMs: number): Promise<void> {
    this.findings.say(`${process.name} is stopped, within ${timeoutMs} ms`)
    await app.stop(timeoutMs)
    if (process.isDead) return
    this.findings.say(`${process.name} has stopped`)
    this.#ended.push({ process, kind, dueMs: this.broker.clock.now() + CLEANUP_MS })
  }

  /** Looks at what those have left behind that came to their end a while ago. */
  inspectEnded(): void {
    while ((this.#ended[0]?.dueMs ?? Infinity) <= this.broker.clock.now()) {
      const { process, kind } = this.#ended.shift() ?? {}
      if (process === undefined) return
      // It was killed after its end.
      if (process.isDead) continue
      const sockets = this.network.socketsOf(process)
      if (sockets > 0)
        this.findings.broken('BOUNDED', `${process.name} (${kind}) has ${sockets} connections open after its end`)
      if (process.pendingTimers > 0)
        this.findings.broken('BOUNDED', `${process.name} (${kind}) has ${process.pendingTimers} timers after its end`)
      process.kill()
    }
  }

  /** It dies without a word. */
  kill({ process }: Running): void {
    this.#killed.add(process)
    process.kill()
  }

  /** Whether a process died without a word, so that nothing more can be expected of it. */
  wasKilled(process: SimProcess): boolean {
    return this.#killed.has(process)
  }

  /** No lag in any group: what is not finished lies in no log. Finished records may lie above the start, as with Kafka. */
  isDrained(): boolean {
    return this.whatIsLeft().length === 0
  }

  /** Where something is left to do, for people. */
  whatIsLeft(): string {
    const { topics, sharePartitions } = this.broker.inspect()
    const left: string[] = []
    for (const { id } of this.scenario.groups) {
      for (const { name, partitions } of topics) {
        for (const { partition, endOffset, leader } of partitions) {
          const led = sharePartitions.find(
            (each) =>
              each.groupId === id && each.topic === name && each.partition === partition && each.nodeId === leader,
          )
          const done = led === undefined ? 0 : led.startOffset + led.deliveryCompleteCount
          if (done < endOffset)
            left.push(`${id} ${name}-${partition}: ${done} of ${endOffset} ${JSON.stringify(led?.records ?? [])}`)
        }
      }
    }
    return left.join('; ')
  }

  /** Writes records to a partition. */
  append(topic: string, partition: number, count: number): void {
    if (this.log.size + count > MAX_RECORDS) return
    const values = Array.from({ length: count }, () => this.#value())
    const { firstOffset } = this.broker.append(
      topic,
      values.map((value) => ({ value })),
      { partition },
    )
    this.#wrote(`${topic}-${partition}`, firstOffset, values, false)
    this.findings.say(`${count} records to ${topic}-${partition}@${firstOffset}`)
  }

  async #fill(): Promise<void> {
    const { hasTransactions } = this.scenario
    for (const { topic, partition } of this.places) {
      for (let round = this.dice.between(1, 3); round > 0; round--) {
        this.append(topic, partition, this.dice.between(1, 25))
        if (hasTransactions && this.dice.chance(0.7)) await this.#transaction(topic, partition)
      }
    }
  }

  async #transaction(topic: string, partition: number): Promise<void> {
    const committed = this.dice.chance(0.5)
    const values = Array.from({ length: this.dice.between(1, 8) }, () => this.#value())
    const leader = this.broker.inspect().topics.find(({ name }) => name === topic)?.partitions[partition]?.leader ?? 1
    const firstOffset = await this.broker.advanceUntil(
      writeTransaction({
        transport: this.broker.transport,
        addresses: this.addresses,
        topic,
        partition,
        leader,
        values,
        timestamp: this.broker.clock.wallTime(),
        committed,
        transactionalId: `tx-${this.#values}`,
      }),
    )
    this.findings.count(committed ? 'transaction committed' : 'transaction aborted')
    this.#wrote(`${topic}-${partition}`, firstOffset, values, !committed)
  }

  #value(): string {
    const { undecodableOneIn } = this.scenario
    const isBad = undecodableOneIn > 0 && this.dice.between(1, undecodableOneIn) === 1
    return `${isBad ? UNDECODABLE : 'v'}${++this.#values}`
  }

  #wrote(place: string, firstOffset: number, values: readonly string[], isAborted: boolean): void {
    for (const [index, value] of values.entries()) {
      const kind = isAborted ? 'aborted' : value.startsWith(UNDECODABLE) ? 'undecodable' : 'data'
      const isHole = this.scenario.hasHoles && kind === 'data' && this.dice.chance(0.15)
      this.log.write(place, firstOffset + index, isHole ? { kind: 'hole' } : { kind, value })
    }
  }
}

/** Lines of the story; what a client or broker logs as its own mistake is a finding. */
function simLogger(findings: Findings, who: string): Logger {
  const line = (level: string) => (facts: object, message: string) => {
    findings.say(`${who} ${level}: ${message}`)
    if (!/defect|fault of Milena|listener threw/.test(message)) return
    const { err } = facts as { readonly err?: unknown }
    findings.broken('DEFECT', `${who} says: ${message} ${err instanceof Error ? err.stack : ''}`)
  }
  const quiet = (): void => undefined
  const made: Logger = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: line('warns'),
    error: line('logs an error'),
    child: () => made,
    isLevelEnabled: (level) => level === 'warn' || level === 'error',
  }
  return made
}
