import { ShareConsumer } from '@milena/client'
import { CommandLineError, type ToolHost } from '@milena/tools-java-habits'
import { consume, type Progress } from './consume.js'
import { HELP, readFlags, type Flags } from './flags.js'
import { metricsTable } from './metrics-table.js'
import { consumerLine, groupLine, HEADER } from './report.js'

const CLOSE_MS = 500
/** The release of Kafka whose tool this stands for. */
const VERSION = '4.3.1'

/**
 * org.apache.kafka.tools.ShareConsumerPerformance on Milena. Resolves to the exit code: 0 after a measurement, also one that ended by
 * its timeout; 1 for wrong flags, --help and errors.
 */
export async function shareConsumerPerformance(words: readonly string[], host: ToolHost): Promise<number> {
  try {
    const flags = readFlags(words)
    if (flags === 'version') {
      host.print(VERSION)
      return 0
    }
    if (flags === 'help') {
      host.complain(HELP)
      return 1
    }
    await measure(flags, host)
    return 0
  } catch (error) {
    host.complain(messageOf(error))
    if (error instanceof CommandLineError) host.complain(HELP)
    return 1
  }
}

async function measure(flags: Flags, host: ToolHost): Promise<void> {
  for (const warning of flags.warnings) host.print(warning)
  if (!flags.hideHeader) host.print(HEADER)
  const members = Array.from({ length: flags.threads }, (_, index) => {
    const clientId = flags.threads === 1 ? flags.clientId : `${flags.clientId}-${index + 1}`
    const consumer = new ShareConsumer({
      bootstrapServers: '',
      groupId: '',
      properties: { ...flags.properties, 'client.id': clientId },
    })
    return { clientId, consumer }
  })
  try {
    await consumeWith(members, flags, host)
  } finally {
    const closed = await Promise.allSettled(members.map(({ consumer }) => consumer.close({ timeoutMs: CLOSE_MS })))
    // The figures are out, and stand: that a member could not take leave is told, and no failure.
    for (const each of closed) if (each.status === 'rejected') host.complain(messageOf(each.reason))
  }
}

interface Member {
  readonly clientId: string
  readonly consumer: ShareConsumer
}

async function consumeWith(members: readonly Member[], flags: Flags, host: ToolHost): Promise<void> {
  const { dateFormat } = flags
  const all: Progress = { wanted: flags.numRecords, records: 0, bytes: 0 }
  const from = Date.now()
  for (const { consumer } of members) consumer.subscribe([flags.topic])
  const each = await Promise.all(members.map(({ consumer }, index) => consume(consumer, index + 1, all, flags, host)))
  if (host.stop.aborted) return
  const to = Date.now()
  if (flags.showConsumerStats) {
    for (const [index, consumption] of each.entries())
      host.print(consumerLine(index + 1, members[index]?.clientId ?? '', { from, to, ...consumption }, dateFormat))
  }
  if (all.records < flags.numRecords) {
    host.print(
      `WARNING: Exiting before consuming the expected number of records: timeout (${flags.timeoutMs} ms) exceeded. You can use the --timeout option to increase the timeout.`,
    )
  }
  const tables = flags.printMetrics
    ? members.flatMap(({ consumer, clientId }) => metricsTable(consumer.metrics(), clientId))
    : []
  for (const { consumer } of members) await consumer.commitSync()
  host.print(groupLine({ from, to, records: all.records, bytes: all.bytes }, dateFormat))
  for (const line of tables) host.print(line)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
