import { KafkaError, type Admin, type ShareConsumer } from '@milena/client'
import type { ToolHost } from '@milena/tools-java-habits'
import {
  offsetResetStrategySet,
  offsetsAcknowledged,
  recordsConsumed,
  shutdownComplete,
  startupComplete,
} from './events.js'
import type { Flags } from './flags.js'

const POLL_MS = 5_000
const STRATEGIES = ['earliest', 'latest']

export interface Clients {
  readonly consumer: ShareConsumer<string | null, string | null>
  readonly admin: Admin
}

/**
 * The tool's work from the first line to the last. What goes wrong in between ends it as a shutdown does, with a word on standard
 * error: so does Java's, and a system test waits for shutdown_complete, also where no broker is left to take leave of.
 */
export async function consume({ consumer, admin }: Clients, flags: Flags, host: ToolHost): Promise<void> {
  host.print(startupComplete())
  try {
    if (flags.offsetResetStrategy !== '') await setOffsetReset(admin, flags, host)
    if (!host.stop.aborted) await consumeUntilEnough(consumer, flags, host)
  } catch (error) {
    if (!host.stop.aborted) host.complain(`The consumer ends because of an error: ${messageOf(error)}`)
  } finally {
    for (const closed of await Promise.allSettled([consumer.close(), admin.close()])) {
      if (closed.status === 'rejected') host.complain(`The consumer did not close cleanly: ${messageOf(closed.reason)}`)
    }
    host.print(shutdownComplete())
  }
}

async function setOffsetReset(admin: Admin, flags: Flags, host: ToolHost): Promise<void> {
  const { offsetResetStrategy: strategy, groupId } = flags
  if (!STRATEGIES.includes(strategy)) {
    throw new Error(
      `the offset reset strategy '${strategy}' is not known. Give --offset-reset-strategy ${STRATEGIES.join(' or ')}.`,
    )
  }
  const done = admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': strategy }).then(() => true)
  if (await unlessStopped(done, host.stop)) host.print(offsetResetStrategySet(strategy))
}

async function consumeUntilEnough(
  consumer: Clients['consumer'],
  { topic, maxMessages, mode, verbose }: Flags,
  host: ToolHost,
): Promise<void> {
  const enough = new AbortController()
  const signal = AbortSignal.any([host.stop, enough.signal])
  let acknowledged = 0
  const check = (): void => {
    if (maxMessages >= 0 && acknowledged >= maxMessages) enough.abort()
  }
  consumer.subscribe([topic])
  consumer.setAcknowledgementCommitCallback((verdict) => {
    const event = offsetsAcknowledged(verdict)
    if (event === undefined) return
    host.print(event.line)
    if (verdict.error !== undefined) return
    acknowledged += event.count
    check()
  })
  check()
  while (!signal.aborted) {
    const records = await consumer.poll({ timeoutMs: POLL_MS, signal }).catch((error: unknown) => {
      if (signal.aborted && error instanceof KafkaError && error.code === 'ABORTED') return undefined
      throw error
    })
    if (records === undefined || records.isEmpty) continue
    for (const line of recordsConsumed(records.records, verbose)) host.print(line)
    if (mode === 'async') void consumer.commitAsync()
    if (mode === 'sync') await commit(consumer, host)
  }
}

/** Failures are in the lines of the callback; here they are a word for the log. */
async function commit(consumer: Clients['consumer'], host: ToolHost): Promise<void> {
  const result = await unlessStopped(consumer.commitSync(), host.stop)
  for (const [{ topic, partition }, error] of result ?? [])
    if (error !== undefined)
      host.complain(`The acknowledgements of ${topic}-${partition} were not committed: ${error.message}`)
}

/** What the work resolves to, or undefined as soon as the tool is asked to end; then nobody waits for the work any more. */
async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  if (stop.aborted) {
    work.catch(() => undefined)
    return undefined
  }
  let leave: () => void = () => undefined
  const stopped = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined)
    stop.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    stop.removeEventListener('abort', leave)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
