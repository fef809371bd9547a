import { KafkaError, type ConsumerRecords, type ShareConsumer } from '@milena/client'
import type { ToolHost } from '@milena/tools-java-habits'
import type { Flags } from './flags.js'
import { progressLine } from './report.js'

const POLL_MS = 100

export interface Consumption {
  records: number
  bytes: number
}

/** What all consumers have consumed together, and how many records are wanted. */
export interface Progress extends Consumption {
  readonly wanted: number
}

/** Consumes until all together have enough, nothing came for the timeout, or the tool is asked to end. */
export async function consume(
  consumer: ShareConsumer,
  number: number,
  all: Progress,
  flags: Flags,
  host: ToolHost,
): Promise<Consumption> {
  const own: Consumption = { records: 0, bytes: 0 }
  let reported = { at: Date.now(), records: 0, bytes: 0 }
  let now = reported.at
  let lastRecords = now
  while (all.records < all.wanted && now - lastRecords <= flags.timeoutMs && !host.stop.aborted) {
    const records = await poll(consumer, host.stop)
    now = Date.now()
    if (records === undefined || records.isEmpty) continue
    lastRecords = now
    for (const { key, value } of records) {
      const bytes = (key?.length ?? 0) + (value?.length ?? 0)
      own.records += 1
      own.bytes += bytes
      all.records += 1
      all.bytes += bytes
      if (now - reported.at < flags.reportingIntervalMs) continue
      if (flags.showDetailedStats) {
        const span = { from: reported.at, to: now }
        const recent = { ...span, records: own.records - reported.records, bytes: own.bytes - reported.bytes }
        host.print(progressLine(number, { ...span, ...own }, recent, flags.dateFormat))
      }
      reported = { at: now, ...own }
    }
  }
  return own
}

async function poll(
  consumer: ShareConsumer,
  signal: AbortSignal,
): Promise<ConsumerRecords<Buffer | null, Buffer | null> | undefined> {
  try {
    return await consumer.poll({ timeoutMs: POLL_MS, signal })
  } catch (error) {
    if (signal.aborted && error instanceof KafkaError && error.code === 'ABORTED') return undefined
    throw error
  }
}
