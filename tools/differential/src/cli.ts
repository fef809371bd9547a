import { parseArgs } from 'node:util'
import { startKafkaCluster } from '@milena/tools-kafka'
import { describeDifference, entryLine, firstDifference } from './compare.js'
import { limitErrors, missing, outOfReach, requiredErrors, requiredOperations, tallyTable } from './coverage.js'
import { runDifferential, type DifferentialResult, type SequenceOutcome } from './differential.js'
import { embeddedTarget } from './embedded-target.js'
import { kafkaTarget } from './kafka-target.js'
import { capabilities, limitProperties, playToLimits } from './limits.js'
import { SHORT_LOCK_MS } from './stage.js'
import type { Target } from './target.js'
import { count } from './trace.js'

const usage = `Usage: pnpm differential [options]

Plays random sequences of share-group requests against the embedded broker and against a real Apache Kafka, and compares every
answer: acquired ranges, delivery counts, errors, start offsets, lag. Ends with 1 when they differ.

  --seed N             which sequences; default 1
  --sequences N        how many; default 200
  --sequence K         only this one
  --steps N            of each; default 100
  --parallel N         how many at once; default 8
  --against HOST:PORT  a Kafka that runs, with group.share.min.record.lock.duration.ms=${SHORT_LOCK_MS} and one broker of id 1;
                       default: one of this repository's own is started (Java 17 and Maven)
  --only kafka         both plays against Kafka: what differs then depends on the moment, and would prove nothing
  --verbose            every step and its answer, of --sequence K
  --help`

/** Steps shown before a difference. */
const STEPS_BEFORE = 12

interface Settings {
  readonly seed: number
  readonly sequences: readonly number[]
  readonly steps: number
  readonly parallel: number
  readonly against: string | undefined
  readonly onlyKafka: boolean
  readonly verbose: boolean
}

async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '1' },
      sequences: { type: 'string', default: '200' },
      sequence: { type: 'string' },
      steps: { type: 'string', default: '100' },
      parallel: { type: 'string', default: '8' },
      against: { type: 'string' },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  if (values.only !== undefined && values.only !== 'kafka') throw new Error(`--only takes kafka, not '${values.only}'.`)
  const settings: Settings = {
    seed: wholeNumber('--seed', values.seed, 0),
    sequences:
      values.sequence === undefined
        ? Array.from({ length: wholeNumber('--sequences', values.sequences, 1) }, (_, index) => index)
        : [wholeNumber('--sequence', values.sequence, 0)],
    steps: wholeNumber('--steps', values.steps, 1),
    parallel: wholeNumber('--parallel', values.parallel, 1),
    against: values.against,
    onlyKafka: values.only === 'kafka',
    verbose: values.verbose,
  }
  if (settings.against !== undefined) return compare(settings, settings.against)
  const cluster = await startKafkaCluster({ serverProperties: limitProperties, logger: (line) => console.error(line) })
  try {
    return await compare(settings, cluster.bootstrapServers)
  } finally {
    await cluster.stop()
  }
}

async function compare(settings: Settings, bootstrapServers: string): Promise<number> {
  const address = parseAddress(bootstrapServers)
  const openKafka = async (): Promise<Target> => kafkaTarget(address)
  const openSubject = settings.onlyKafka ? openKafka : () => embeddedTarget(subjectProperties)
  const { limitsInReach, minLockMs } = await capabilities(await openKafka())
  if (minLockMs > SHORT_LOCK_MS) {
    throw new Error(
      `Groups of ${bootstrapServers} cannot have a lock of ${SHORT_LOCK_MS} ms. Start it with group.share.min.record.lock.duration.ms=${SHORT_LOCK_MS}.`,
    )
  }

  const prefix = `diff${Date.now().toString(36)}`
  const total = settings.sequences.length
  const startedAt = performance.now()
  let done = 0
  const result = await runDifferential({
    ...settings,
    prefix,
    openKafka,
    openSubject,
    onSequence: (outcome) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
      console.log(
        `${String(++done).padStart(String(total).length)}/${total}  ${seconds.padStart(4)} s  ${verdict(outcome)}`,
      )
      if (settings.verbose) for (const entry of outcome.kafka.entries) console.log(entryLine(entry))
      if (outcome.difference !== undefined) console.log(report(outcome, settings))
    },
  })
  if (limitsInReach && total > 1) await addLimits(result, prefix, openKafka, openSubject)
  return conclude(result, settings, limitsInReach && total > 1)
}

/** What the brokers are alike in. */
const subjectProperties = {
  ...limitProperties,
  'group.share.min.record.lock.duration.ms': String(SHORT_LOCK_MS),
}

async function addLimits(
  result: DifferentialResult,
  prefix: string,
  openKafka: () => Promise<Target>,
  openSubject: () => Promise<Target>,
): Promise<void> {
  const [kafkaBroker, subjectBroker] = [await openKafka(), await openSubject()]
  const kafka = await playToLimits(kafkaBroker, `${prefix}-lk`)
  const subject = await playToLimits(subjectBroker, `${prefix}-ls`)
  await subjectBroker.close()
  await kafkaBroker.close()
  for (const [name, times] of kafka.operations) count(result.operations, name, times)
  for (const [name, times] of kafka.errors) count(result.errors, name, times)
  const difference = firstDifference(kafka, subject)
  if (difference === undefined) {
    console.log('the limits of sessions and members: the same')
    return
  }
  count(result.errors, DIFFERENT_LIMITS)
  console.log(
    `the limits of sessions and members: DIFFERENT\n${describeDifference(difference, kafka, ['kafka', 'embedded'], 5)}`,
  )
}

const DIFFERENT_LIMITS = 'different limits'

function conclude(result: DifferentialResult, settings: Settings, withLimits: boolean): number {
  const different = result.outcomes.filter(({ difference }) => difference !== undefined)
  const unsteady = result.outcomes.filter((outcome) => outcome.unsteady && outcome.difference === undefined)
  const limitsDiffer = result.errors.delete(DIFFERENT_LIMITS)
  let failures = different.length + result.failures.length + (limitsDiffer ? 1 : 0)
  console.log(`\n${tallyTable('Operations', result.operations)}\n\n${tallyTable('Errors', result.errors)}`)
  console.log(`\nOut of reach here:\n${outOfReach.map(([what, why]) => `  ${what}: ${why}`).join('\n')}`)
  if (!withLimits)
    console.log(`  ${limitErrors.join(', ')}: need a broker of this command's own, and more than one sequence`)
  if (settings.sequences.length >= FULL_RUN && settings.steps >= FULL_STEPS) {
    const absent = [
      ...missing(requiredOperations, result.operations),
      ...missing(withLimits ? [...requiredErrors, ...limitErrors] : requiredErrors, result.errors),
    ]
    if (absent.length > 0) console.log(`\nNever occurred, so nothing is proved of it: ${absent.join('; ')}`)
    failures += absent.length
  }
  for (const { sequence } of unsteady) {
    console.log(
      `Sequence ${sequence.index}: Kafka answered two plays differently, and the embedded broker as one of them.`,
    )
  }
  console.log(
    `\n${result.outcomes.length} sequences of ${settings.steps} steps, seed ${settings.seed}: ${result.outcomes.length - different.length} the same, ${different.length} different` +
      (unsteady.length > 0 ? ` (${unsteady.length} of the same after Kafka was asked again)` : ''),
  )
  for (const { index, reason } of result.failures) {
    console.log(`  not played: ${reason}\n  again: ${replay(settings, index)}`)
  }
  for (const { sequence } of different) console.log(`  again: ${replay(settings, sequence.index)}`)
  return failures === 0 ? 0 : 1
}

/** From here on everything has to have occurred. */
const FULL_RUN = 200
const FULL_STEPS = 100

function verdict({ sequence, difference, unsteady, tookMs }: SequenceOutcome): string {
  const said = difference !== undefined ? 'DIFFERENT' : unsteady ? 'the same, when asked again' : 'the same'
  return `sequence ${sequence.index}: ${said} (${(tookMs / 1000).toFixed(1)} s)`
}

function report(outcome: SequenceOutcome, settings: Settings): string {
  const { difference, kafka, sequence } = outcome
  if (difference === undefined) return ''
  const { prelude: _, ...setup } = sequence.setup
  return [
    `seed ${sequence.seed}, sequence ${sequence.index}: ${JSON.stringify(setup)}`,
    describeDifference(difference, kafka, ['kafka', settings.onlyKafka ? 'again' : 'embedded'], STEPS_BEFORE),
    `again: ${replay(settings, sequence.index)}`,
  ].join('\n')
}

function replay({ seed, steps, against, onlyKafka }: Settings, index: number): string {
  const more = `${steps === FULL_STEPS ? '' : ` --steps ${steps}`}${against === undefined ? '' : ` --against ${against}`}${onlyKafka ? ' --only kafka' : ''}`
  return `pnpm differential --seed ${seed} --sequence ${index}${more} --verbose`
}

function parseAddress(bootstrapServers: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d+)$/.exec(bootstrapServers) ?? []
  if (host === undefined || Number(port) > 65_535) {
    throw new Error(`--against takes host:port of one broker, such as localhost:9092, not '${bootstrapServers}'.`)
  }
  return { host, port: Number(port) }
}

function wholeNumber(name: string, given: string, least: number): number {
  const value = Number(given)
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(value) || value < least) {
    throw new Error(`${name} takes a whole number from ${least} on, not '${given}'.`)
  }
  return value
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
  console.error(error instanceof Error ? error.message : error)
  if (isRefused) console.error('No Kafka listens there: start one (pnpm kafka:up), or leave --against out.')
  process.exitCode = 1
}
