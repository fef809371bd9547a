import type { KafkaError } from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, expect, test } from 'vitest'
import { HangWatch, isHang } from '../src/hang-watch.js'

const record = { topic: 'orders', partition: 0, offset: 7 }
const lost = (cause: 'expired' | 'extension-ended') => ({ records: [record as never], cause })

let clock: VirtualClock
let stuck: boolean
let calls: number
let told: string[]
let watch: HangWatch

beforeEach(() => {
  clock = new VirtualClock()
  stuck = true
  calls = 1
  told = []
  const tell =
    (what: string) =>
    (error: KafkaError): void =>
      void told.push(`${what} ${isHang(error)}`)
  watch = new HangWatch({
    clock,
    listenerName: 'onOrder()',
    maxExtensionMs: 300_000,
    lockMs: () => 30_000,
    isStuck: () => stuck,
    calls: () => calls,
    lastRecord: () => record,
    onTrouble: tell('trouble'),
    onHung: tell('hung'),
  })
})

test('a member whose locks were renewed for as long as is allowed hangs at once', () => {
  watch.lost(lost('extension-ended'))
  expect(told).toEqual(['trouble true', 'hung true'])
})

test('one that lost them earlier is in trouble, and hangs when that time has passed', async () => {
  watch.lost(lost('expired'))
  await clock.advance(299_999)
  watch.look()
  expect(told).toEqual(['trouble true'])
  await clock.advance(1)
  watch.look()
  expect(told).toEqual(['trouble true', 'trouble true', 'hung true'])
})

test('a call that ended, or another one that began, counts the time anew', async () => {
  watch.look()
  await clock.advance(200_000)
  calls++
  watch.look()
  await clock.advance(200_000)
  watch.look()
  stuck = false
  watch.look()
  stuck = true
  watch.look()
  await clock.advance(200_000)
  watch.look()
  expect(told).toEqual([])
})

test('a loss that leaves a place, or a record, is nothing to it', () => {
  stuck = false
  watch.lost(lost('extension-ended'))
  stuck = true
  watch.lost({ records: [], cause: 'extension-ended' })
  expect(told).toEqual([])
})
