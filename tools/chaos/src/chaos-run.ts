import { DELIVERY_LIMIT, LOCK_MS, type ChaosCluster } from './chaos-cluster.js'
import { DeliveryLedger, type Redelivery, type RecordStory } from './evaluation/delivery-ledger.js'
import { explain, tally, type Explanation, type FaultWindow } from './evaluation/explanation.js'
import type { MemberProcess, MemberStop } from './member-process.js'
import { PROXIED_REQUEST_TIMEOUT_MS } from './proxy/spoiled-connections.js'
import { MEMBERS, type Scenario } from './scenarios.js'
import { seededRandom } from './seeded-random.js'
import { Stage } from './stage.js'
import type { Subject } from './subjects.js'

/** A member stops within this, whatever happens to brokers. */
export const STOP_PROMISE_MS = 5_000
/** From the word that all is closed to the end of the process: what lingers longer is kept by something. */
const LINGER_MS = 1_000
/** The share of records after which a broker is killed and a member told to stop at the same moment. */
const STOP_AT = 0.75
const DOWN_MS = 8_000
const PATIENCE_MS = 150_000
const SETTLING_MS = 20_000
/** Of each kind of fault only so many are spelled out. */
const MOST_LISTED = 10

/** What came of one scenario with one subject. */
export interface RunResult {
  readonly scenario: string
  readonly scenarioTitle: string
  readonly subject: string
  readonly subjectTitle: string
  readonly isMilena: boolean
  readonly records: number
  /** Accepted, as members were told. */
  readonly confirmed: number
  /** Accepted, as the broker says in the end, although no member was told: the broker's word was lost, or the member. */
  readonly unheard: number
  /** Records that the broker has not finished; undefined where it could not tell. */
  readonly lag: number | undefined
  readonly redelivered: number
  readonly explanations: Readonly<Record<string, number>>
  /** Accepted twice, as members were told. */
  readonly confirmedTwice: number
  /** Some of them, and of the redeliveries that nothing explains. */
  readonly stories: readonly RecordStory[]
  readonly highestDeliveryCount: number
  readonly longestGapMs: number
  readonly longestPartitionGapMs: number
  readonly stopAfterLossMs: number | undefined
  readonly longestOtherStopMs: number
  readonly errors: Readonly<Record<string, number>>
  readonly faults: readonly FaultWindow[]
  readonly stops: readonly MemberStop[]
  readonly seconds: number
  /** Sentences; none where all is as promised. */
  readonly broken: readonly string[]
}

export async function runScenario(given: {
  readonly cluster: ChaosCluster
  readonly scenario: Scenario
  readonly subject: Subject
  readonly records: number
  readonly seed: number
  readonly progress: (line: string) => void
}): Promise<RunResult> {
  const { cluster, scenario, subject, progress } = given
  const name = `chaos-${scenario.id}-${subject.id}-${Date.now().toString(36)}`
  progress(`  ${scenario.id}, ${subject.title}: writing ${given.records} records …`)
  const recordsByPartition = await cluster.prepare(name, name, given.records)
  const ledger = new DeliveryLedger(recordsByPartition)
  const isProxied = scenario.isProxied === true
  const stage = new Stage({
    cluster,
    subject,
    ledger,
    random: seededRandom(given.seed),
    order: {
      bootstrapServers: isProxied ? cluster.proxiedBootstrapServers : cluster.bootstrapServers,
      topic: name,
      groupId: name,
      partitions: recordsByPartition.length,
      rate: ledger.total / scenario.seconds / MEMBERS,
      requestTimeoutMs: isProxied ? PROXIED_REQUEST_TIMEOUT_MS : 0,
    },
    progress,
  })
  const from = Date.now()
  let failure: unknown
  let stopAfterLoss: MemberStop | undefined
  let lag: number | undefined
  try {
    for (let index = 0; index < MEMBERS; index++) stage.startMember()
    const script = async (): Promise<void> => {
      await scenario.run(stage)
      await stage.whenAccepted(STOP_AT)
      stopAfterLoss = await stopBesideLostBroker(stage, scenario)
    }
    await Promise.all([script(), untilFinished(stage, ledger, scenario.seconds * 1_000)])
    await cluster.recover(name)
    await Promise.all(stage.members.map((member) => stage.stopMember(member)))
    lag = await settledLag(stage)
  } catch (error) {
    failure = error
  } finally {
    stage.end()
    await stage.killAll()
  }
  if (failure !== undefined) await cluster.recover(name)
  return evaluate({ ...given, ledger, stage, stopAfterLoss, lag, failure, seconds: (Date.now() - from) / 1_000 })
}

/** Takes a broker away, tells a member to stop at that moment, and replaces both. */
async function stopBesideLostBroker(
  stage: Stage,
  { lostBroker, isProxied }: Scenario,
): Promise<MemberStop | undefined> {
  const member: MemberProcess | undefined = stage.members[0]
  if (member === undefined) return undefined
  const { cluster, topic, groupId } = stage
  const broker =
    lostBroker === 'coordinator'
      ? await cluster.coordinatorOf(groupId)
      : await cluster.leaderOf(topic, stage.lastPartitionOf(member))
  const giveBack = isProxied === true ? stage.silenceBroker(broker) : await stage.killBroker(broker)
  const stop = await stage.stopMember(member)
  stage.say(`${member.name} stopped ${stop.tookMs} ms after it was told, beside the lost broker (${stop.exit})`)
  stage.startMember()
  await stage.pause(Math.max(0, DOWN_MS - stop.tookMs))
  await giveBack()
  return stop
}

/** Resolves when the group has finished every record, or has had its time. */
async function untilFinished(stage: Stage, ledger: DeliveryLedger, expectedMs: number): Promise<void> {
  const givenUpAt = Date.now() + expectedMs + PATIENCE_MS
  let shown = Date.now()
  while (Date.now() < givenUpAt) {
    await stage.pause(500)
    if (Date.now() - shown > 10_000) {
      shown = Date.now()
      stage.say(`${ledger.confirmed} of ${ledger.total} records accepted`)
    }
    if (ledger.received === ledger.total && (await stage.cluster.lagOf(stage.groupId, stage.topic)) === 0) break
  }
  stage.end()
}

/** The broker's last word, once every member is gone. */
async function settledLag(stage: Stage): Promise<number | undefined> {
  const givenUpAt = Date.now() + SETTLING_MS
  while (true) {
    const lag = await stage.cluster.lagOf(stage.groupId, stage.topic)
    if (lag === 0 || Date.now() > givenUpAt) return lag
    await stage.pause(300)
  }
}

function evaluate(given: {
  readonly scenario: Scenario
  readonly subject: Subject
  readonly ledger: DeliveryLedger
  readonly stage: Stage
  readonly stopAfterLoss: MemberStop | undefined
  readonly lag: number | undefined
  readonly failure: unknown
  readonly seconds: number
}): RunResult {
  const { scenario, subject, ledger, stage, stopAfterLoss, lag } = given
  const redeliveries = ledger.redeliveries()
  const explanations = redeliveries.map((redelivery) => explain(redelivery, stage.windows, LOCK_MS))
  const otherStops = stage.stops.filter((stop) => stop !== stopAfterLoss)
  return {
    scenario: scenario.id,
    scenarioTitle: scenario.title,
    subject: subject.id,
    subjectTitle: subject.title,
    isMilena: subject.isMilena,
    records: ledger.total,
    confirmed: ledger.confirmed,
    unheard: lag === 0 ? ledger.total - ledger.confirmed : 0,
    lag,
    redelivered: redeliveries.length,
    explanations: Object.fromEntries(tally(explanations)),
    confirmedTwice: ledger.confirmedTwice,
    stories: [
      ...ledger.acceptedTwice().slice(0, MOST_LISTED),
      ...redeliveries
        .filter((_, index) => explanations[index] === 'unexplained' || explanations[index] === 'after confirmation')
        .slice(0, MOST_LISTED)
        .map(({ partition, offset }) => ledger.storyOf(partition, offset)),
    ],
    highestDeliveryCount: ledger.highestCount,
    longestGapMs: ledger.longestGapMs,
    longestPartitionGapMs: ledger.longestPartitionGapMs,
    stopAfterLossMs: stopAfterLoss?.tookMs,
    longestOtherStopMs: Math.max(0, ...otherStops.map(({ tookMs }) => tookMs)),
    errors: Object.fromEntries(stage.errors),
    faults: stage.windows,
    stops: stage.stops,
    seconds: given.seconds,
    broken: [
      ...(given.failure === undefined ? [] : [`The run failed: ${textOf(given.failure)}`]),
      ...brokenCompleteness(ledger, lag),
      ...brokenRedeliveries(redeliveries, explanations),
      ...stage.stops.flatMap(brokenStop),
      ...stage.accidents,
    ],
  }
}

function brokenCompleteness(ledger: DeliveryLedger, lag: number | undefined): string[] {
  const unfinished = ledger.unfinished()
  const broken: string[] = []
  if (lag !== 0) broken.push(`The broker says that ${lag ?? 'it cannot tell how many'} records are not finished.`)
  if (unfinished.length > 0) {
    const places = unfinished
      .slice(0, MOST_LISTED)
      .map(({ partition, offset, handedOut }) => `${partition}@${offset} (handed out ${handedOut} times)`)
    broken.push(`${unfinished.length} records were never finished by a member: ${places.join(', ')}.`)
  }
  if (ledger.confirmedBeyondHandOuts > 0) {
    broken.push(`${ledger.confirmedBeyondHandOuts} records were confirmed more often than they were handed out.`)
  }
  if (ledger.highestCount >= DELIVERY_LIMIT)
    broken.push(`A record was delivered ${ledger.highestCount} times, which is the limit.`)
  return broken
}

function brokenRedeliveries(redeliveries: readonly Redelivery[], explanations: readonly Explanation[]): string[] {
  return (['unexplained', 'after confirmation'] as const).flatMap((kind) => {
    const found = redeliveries.filter((_, index) => explanations[index] === kind)
    if (found.length === 0) return []
    const listed = found
      .slice(0, MOST_LISTED)
      .map(
        ({ partition, offset, before, again }) =>
          `${partition}@${offset} from ${before.member} (${before.count}) to ${again.member} (${again.count}) after ${again.at - before.at} ms`,
      )
    return [`${found.length} redeliveries are ${kind}: ${listed.join('; ')}.`]
  })
}

function brokenStop({ name, tookMs, lingeredMs, exit, leftovers }: MemberStop): string[] {
  const broken: string[] = []
  if (tookMs > STOP_PROMISE_MS) broken.push(`${name} took ${tookMs} ms to stop.`)
  if (exit !== 'exit code 0' && exit !== 'exit code 143') broken.push(`${name} ended with ${exit}.`)
  if (leftovers.length > 0) broken.push(`${name} left ${leftovers.join(', ')} behind.`)
  if (lingeredMs === undefined) broken.push(`${name} never said that it was closed.`)
  else if (lingeredMs > LINGER_MS) broken.push(`${name} did not end for ${lingeredMs} ms after it was closed.`)
  return broken
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
