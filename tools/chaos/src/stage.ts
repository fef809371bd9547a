import type { ChaosCluster } from './chaos-cluster.js'
import type { DeliveryLedger } from './evaluation/delivery-ledger.js'
import type { FaultWindow } from './evaluation/explanation.js'
import { MemberProcess, type MemberStop } from './member-process.js'
import type { MemberOrder } from './member-lines.js'
import type { Random } from './seeded-random.js'
import type { Subject } from './subjects.js'

// What a scenario has at hand: the cluster, the members and the clock of one run. Whatever it does to them is written down as a
// window, by which redeliveries are explained afterwards.

/** A killed broker is held for dead after 4 s; its partitions and coordinators then move and load. */
const AFTERMATH_MS = 10_000
const POLL_MS = 20

export interface StageOptions {
  readonly cluster: ChaosCluster
  readonly subject: Subject
  readonly ledger: DeliveryLedger
  readonly random: Random
  readonly order: Omit<MemberOrder, 'name'>
  readonly progress: (line: string) => void
}

/** An error of a member as often as it was seen. */
export type ErrorCounts = Map<string, number>

export class Stage {
  readonly cluster: ChaosCluster
  readonly random: Random
  readonly topic: string
  readonly groupId: string
  readonly windows: FaultWindow[] = []
  readonly stops: MemberStop[] = []
  readonly errors: ErrorCounts = new Map()
  /** What must not be: deaths that nobody ordered, unhandled rejections, foreign records. */
  readonly accidents: string[] = []
  readonly #options: StageOptions
  #members: MemberProcess[] = []
  readonly #lastPartitions = new Map<string, number>()
  #started = 0
  #isOver = false

  constructor(options: StageOptions) {
    this.#options = options
    this.cluster = options.cluster
    this.random = options.random
    this.topic = options.order.topic
    this.groupId = options.order.groupId
  }

  /** Share of the records that members know to be accepted. */
  get share(): number {
    const { confirmed, total } = this.#options.ledger
    return confirmed / total
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Ends all waiting for progress: there is none to come. */
  end(): void {
    this.#isOver = true
  }

  /** Resolves once so much is accepted, or nothing is left to wait for. */
  async whenAccepted(share: number): Promise<void> {
    while (this.share < share && !this.#isOver) await this.pause(POLL_MS)
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  say(line: string): void {
    this.#options.progress(`    ${String(Math.round(this.share * 100)).padStart(3)} %  ${line}`)
  }

  get members(): readonly MemberProcess[] {
    return this.#members.filter((member) => member.isRunning)
  }

  startMember(): MemberProcess {
    const { subject, order, ledger } = this.#options
    this.#started++
    const name = `member-${this.#started}`
    const member = new MemberProcess(
      subject,
      { ...order, name },
      {
        line: (line) => {
          ledger.add(name, line)
          const last = line.received?.at(-1)
          if (last !== undefined) this.#lastPartitions.set(name, last[0])
          if (line.error !== undefined) {
            const error = line.refused === undefined ? line.error : `answer: ${line.error}`
            this.errors.set(error, (this.errors.get(error) ?? 0) + 1)
          }
          if (line.unhandled !== undefined) this.accidents.push(`${name}: ${line.unhandled}`)
          if (line.foreign !== undefined) this.accidents.push(`${name}: ${line.foreign}`)
        },
        died: (how) => {
          this.accidents.push(`${name} died: ${how}`)
          this.windows.push({ kind: 'member killed', from: Date.now(), to: Date.now(), member: name })
        },
      },
    )
    this.#members.push(member)
    return member
  }

  /** From which partition a member was handed records last; 0 where it never was. */
  lastPartitionOf(member: MemberProcess): number {
    return this.#lastPartitions.get(member.name) ?? 0
  }

  async killMember(member: MemberProcess): Promise<void> {
    const window = this.open({ kind: 'member killed', member: member.name })
    await member.kill()
    window.close()
    this.say(`killed ${member.name}`)
  }

  async freezeMember(member: MemberProcess, ms: number): Promise<void> {
    const window = this.open({ kind: 'member frozen', member: member.name })
    member.freeze()
    this.say(`froze ${member.name} for ${ms} ms`)
    await this.pause(ms)
    member.thaw()
    // It finds out bit by bit what it has lost.
    window.close(1_000)
    this.say(`thawed ${member.name}`)
  }

  async stopMember(member: MemberProcess): Promise<MemberStop> {
    const window = this.open({ kind: 'member stopped', member: member.name })
    const stop = await member.stop()
    window.close()
    this.stops.push(stop)
    return stop
  }

  /** Resolves when the process is gone, not when the cluster is well again: to what starts it again. */
  async killBroker(nodeId: number): Promise<() => Promise<void>> {
    const window = this.open({ kind: 'broker lost' })
    window.close(AFTERMATH_MS)
    await this.cluster.broker(nodeId).kill('SIGKILL')
    this.say(`killed broker ${nodeId}`)
    return () => this.restartBroker(nodeId)
  }

  /** Members hear nothing of it any more, not even that it is gone. Returns what ends that. */
  silenceBroker(nodeId: number): () => Promise<void> {
    const window = this.open({ kind: 'connection spoilt' })
    const proxy = this.cluster.proxies[nodeId - 1]
    proxy?.darken()
    this.say(`black-holed broker ${nodeId} as a whole`)
    return () => {
      proxy?.light()
      window.close(1_000)
      return Promise.resolve()
    }
  }

  /** Starts it, after an orderly end if it runs. */
  async restartBroker(nodeId: number): Promise<void> {
    const window = this.open({ kind: 'broker lost' })
    await this.cluster.broker(nodeId).restart()
    window.close(2_000)
    this.say(`broker ${nodeId} serves again`)
  }

  /** Writes down that something is being done from now on. */
  open(fault: Omit<FaultWindow, 'from' | 'to'>): { close(aftermathMs?: number): void } {
    const index = this.windows.length
    const from = Date.now()
    this.windows.push({ ...fault, from, to: Infinity })
    return {
      close: (aftermathMs = 0) => {
        this.windows[index] = { ...fault, from, to: Date.now() + aftermathMs }
      },
    }
  }

  /** For a run that failed: nothing of it may go on. */
  async killAll(): Promise<void> {
    await Promise.all(this.#members.filter((member) => member.isRunning).map((member) => member.kill()))
  }

  /** What members wrote to standard error, for a report of what went wrong. */
  errorLines(): string {
    return this.#members
      .filter(({ errorLines }) => errorLines !== '')
      .map(({ name, errorLines }) => `${name}:\n${errorLines}`)
      .join('\n')
  }
}
