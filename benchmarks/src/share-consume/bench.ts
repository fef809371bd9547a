import { writeFileSync } from 'node:fs'
import { Admin } from '@milena/client'
import { startKafkaCluster } from '@milena/tools-kafka'
import { beginAtEarliest, lagIsZero } from './group-offsets.js'
import { formatTable, type Measured } from './result-table.js'
import { consume, type Consumed } from './subject-process.js'
import { prepareSubjects, type FetchSize, type Subject } from './subjects.js'
import { fillTopic, PARTITIONS, type FilledTopic } from './topic-filler.js'

export interface ShareConsumeOptions {
  /** Bytes of a value. */
  readonly sizes: readonly number[]
  /** Undefined: as many as a good measurement of the size takes. */
  readonly records: number | undefined
  readonly fetches: readonly FetchSize[]
  /** Undefined: all. */
  readonly subjects: readonly string[] | undefined
  readonly rounds: number
  readonly profileFolder: string | undefined
  readonly jsonFile: string | undefined
}

const BROKER_HEAP_MB = 2_048
/** Somebody else's, so that ours meets a broker that is not tuned to it. */
const WARMER = 'java-implicit'
/** Consumptions that are thrown away, by fetch size: a broker that has served few requests takes several times the CPU for each. */
const WARM_UP: readonly FetchSize[] = [500, 500, 2_000]
const MOST_RECORDS = 2_000_000
const MOST_BYTES = 600_000_000

interface Runner {
  readonly bootstrapServers: string
  readonly admin: Admin
  readonly brokerPid: number | undefined
  readonly profileFolder: string | undefined
}

/** One broker, a topic for each size, every subject by itself and in a group of its own, round after round. */
export async function shareConsume(options: ShareConsumeOptions, progress: (line: string) => void): Promise<string> {
  const subjects = await prepareSubjects(options.subjects, progress)
  const warmer = subjects.find(({ id }) => id === WARMER) ?? (await prepareSubjects([WARMER], progress))[0]
  if (warmer === undefined) throw new Error(`There is no subject '${WARMER}'.`)
  const cluster = await startKafkaCluster({
    heapMb: BROKER_HEAP_MB,
    jvmOptions: [`-Xms${BROKER_HEAP_MB}m`],
    logger: progress,
  })
  const { bootstrapServers } = cluster
  const admin = new Admin({ bootstrapServers })
  const runner = { bootstrapServers, admin, brokerPid: cluster.brokers[0]?.pid, profileFolder: options.profileFolder }
  const measured: Measured[] = []
  try {
    for (const recordBytes of options.sizes) {
      const records = options.records ?? Math.min(MOST_RECORDS, Math.floor(MOST_BYTES / recordBytes))
      progress(`Filling a topic with ${records} records of ${recordBytes} bytes …`)
      const topic = await fillTopic(bootstrapServers, { name: `records-${recordBytes}`, records, recordBytes })
      progress('Warming the broker up …')
      for (const [index, fetch] of WARM_UP.entries()) {
        await measure(runner, { subject: warmer, fetch, topic, groupId: `warm-up-${recordBytes}-${index}` })
      }
      await measure(runner, { subject: warmer, fetch: 2_000, topic, groupId: `warm-up-${recordBytes}` })
      const plan = subjects.flatMap((subject) =>
        fetchesOf(subject, options.fetches).map((fetch) => ({ subject, fetch })),
      )
      for (let round = 1; round <= options.rounds; round++) {
        for (const { subject, fetch } of rotated(plan, round - 1, options.rounds)) {
          const groupId = `${subject.id}-${fetch}-${recordBytes}-${round}`
          const consumed = await measure(runner, { subject, fetch, topic, groupId })
          measured.push({ subject, fetch, recordBytes, consumed })
          progress(`  ${recordBytes} B, round ${round}: ${subject.title}, ${fetch}: ${describe(consumed)}`)
        }
      }
    }
  } finally {
    await admin.close()
    await cluster.stop()
  }
  if (options.jsonFile !== undefined)
    writeFileSync(options.jsonFile, `${JSON.stringify(measured.map(asJson), undefined, 2)}\n`)
  return formatTable(measured)
}

async function measure(
  runner: Runner,
  run: { readonly subject: Subject; readonly fetch: FetchSize; readonly topic: FilledTopic; readonly groupId: string },
): Promise<Consumed> {
  const { bootstrapServers, admin, brokerPid, profileFolder } = runner
  const { subject, fetch, topic, groupId } = run
  await beginAtEarliest(admin, groupId)
  const { name, records, checksum } = topic
  const consumed = await consume(
    subject,
    { bootstrapServers, topic: name, groupId, records, fetch, profileFolder },
    brokerPid,
  )
  await lagIsZero(admin, groupId, name, PARTITIONS)
  if (consumed.records !== records || (consumed.checksum ?? checksum) !== checksum) {
    throw new Error(
      `${subject.title} saw ${consumed.records} records that sum to ${consumed.checksum}; ${records} that sum to ${checksum} were produced.`,
    )
  }
  return consumed
}

function fetchesOf(subject: Subject, fetches: readonly FetchSize[]): readonly FetchSize[] {
  return subject.runsWithDefaults ? fetches : fetches.filter((fetch) => fetch !== 'default')
}

/** Another subject begins each round, so that none is always measured beside the same neighbour or on the coldest broker. */
function rotated<T>(plan: readonly T[], round: number, rounds: number): readonly T[] {
  const from = Math.floor((plan.length * round) / rounds)
  return [...plan.slice(from), ...plan.slice(0, from)]
}

function describe({ steadyRecords, steadySeconds, cpuSeconds, firstRecordSeconds }: Consumed): string {
  const rate = `${Math.round(steadyRecords / steadySeconds / 1_000)}k records/s`
  const cpu = cpuSeconds === undefined ? '' : `, ${((cpuSeconds / steadyRecords) * 1e6).toFixed(2)} CPU s per million`
  const first = firstRecordSeconds === undefined ? '' : `, first record after ${firstRecordSeconds.toFixed(2)} s`
  return rate + cpu + first
}

function asJson({ subject, fetch, recordBytes, consumed }: Measured) {
  return { subject: subject.id, fetch, recordBytes, ...consumed }
}
