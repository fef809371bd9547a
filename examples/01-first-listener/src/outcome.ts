import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@milena/client'
import type { KafkaListeners } from '@milena/decorators'
import { BUSY_AT_FIRST, ORDERS, UNKNOWN_ARTICLES } from './orders.js'
import { format } from './produce-orders.js'
import type { Warehouse } from './warehouse.js'

const PATIENCE_MS = 60_000

interface Watched {
  readonly kafka: KafkaListeners
  readonly admin: Admin
  readonly group: string
  readonly warehouse: Warehouse
  /** Ends the waiting. */
  readonly signal: AbortSignal
}

/** Waits until every order is answered, tells how far it is, and ends with the table. True when all figures are as they must be. */
export async function watchUntilDone(watched: Watched): Promise<boolean> {
  const { kafka, signal } = watched
  const began = performance.now()
  const late = (): boolean => performance.now() - began > PATIENCE_MS
  const wait = async (ms: number): Promise<void> => {
    signal.throwIfAborted()
    await sleep(ms)
  }
  let told = 0
  for (let { finished } = confirmed(kafka); finished < ORDERS; { finished } = confirmed(kafka)) {
    if (late())
      throw new Error(`After ${PATIENCE_MS / 1000} s the broker has confirmed ${finished} of ${ORDERS} orders.`)
    if (finished - told >= ORDERS / 4) {
      told = finished
      console.log(`  ${format(finished)} of them are finished`)
    }
    await wait(20)
  }
  console.log(`all finished ${Math.round(performance.now() - began)} ms after the last was produced`)

  // The broker moves a group on some milliseconds after it has taken the last answer.
  let lag = await lagOf(watched)
  while (lag !== 0 && !late()) {
    await wait(50)
    lag = await lagOf(watched)
  }
  return showTable(watched, lag)
}

/** What the broker has confirmed to the listener's members, in records. */
function confirmed(kafka: KafkaListeners): {
  accepted: number
  rejected: number
  released: number
  redelivered: number
  finished: number
} {
  const sum = { accepted: 0, rejected: 0, released: 0, redelivered: 0, finished: 0 }
  for (const { broker } of kafka.registry.getListenerContainer('orders')?.metrics().values() ?? []) {
    sum.accepted += broker.accepted
    sum.rejected += broker.rejected
    sum.released += broker.released
    sum.redelivered += broker.redelivered
    sum.finished += broker.accepted + broker.rejected
  }
  return sum
}

/** How many records the group has before it, as its coordinator tells; null while that knows no position. */
async function lagOf({ admin, group }: Watched): Promise<number | null> {
  let sum = 0
  for (const { lag } of await admin.listShareGroupOffsets(group)) {
    if (lag === null) return null
    sum += lag
  }
  return sum
}

function showTable({ kafka, warehouse }: Watched, lag: number | null): boolean {
  const { accepted, rejected, released, redelivered } = confirmed(kafka)
  const rows: readonly (readonly [string, number | null, number, string])[] = [
    ['accepted', accepted, ORDERS - UNKNOWN_ARTICLES, 'acknowledgements that the broker confirmed'],
    ['rejected', rejected, UNKNOWN_ARTICLES, 'acknowledgements that the broker confirmed'],
    ['released', released, BUSY_AT_FIRST, 'acknowledgements that the broker confirmed'],
    ['redelivered', redelivered, BUSY_AT_FIRST, 'records that came with a delivery count above 1'],
    ['group lag', lag, 0, 'as the broker tells it'],
    ['shipped', warehouse.shipped, ORDERS - UNKNOWN_ARTICLES, "the listener's own count"],
  ]
  console.log('')
  for (const [name, value, , source] of rows) {
    console.log(`  ${name.padEnd(12)}${(value === null ? 'unknown' : format(value)).padStart(8)}   ${source}`)
  }
  console.log('')
  const wrong = rows.filter(([, value, expected]) => value !== expected)
  for (const [name, value, expected] of wrong) {
    console.error(`${name} is ${value === null ? 'unknown' : format(value)} and should be ${format(expected)}.`)
  }
  return wrong.length === 0
}
