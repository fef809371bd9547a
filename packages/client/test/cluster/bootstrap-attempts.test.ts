import { KafkaConnectionError } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Bootstrap } from '../../src/cluster/bootstrap.js'
import type { ClusterMetadata } from '../../src/cluster/metadata.js'
import { resolveClientConfig } from '../../src/config/client-config.js'
import type { ConnectionPool } from '../../src/network/connection-pool.js'
import { ScriptedNetwork } from '../scripted-network.js'

// Which addresses are tried, for how long, and when the known ones are given up; nothing is connected to.

const MINUTE = 60_000
const down = new KafkaConnectionError('down')

let clock: VirtualClock
let attempts: { readonly host: string; readonly timeoutMs: number | undefined }[]
/** Addresses that failed of late: how long they are to be left alone. */
let waits: ReadonlyMap<string, number>
let startedOver: number
let bootstrap: Bootstrap

beforeEach(() => {
  clock = new VirtualClock()
  attempts = []
  waits = new Map()
  startedOver = 0
  const pool: Pick<ConnectionPool, 'anyOpen' | 'shared' | 'waitMs' | 'isClosed' | 'dropShared'> = {
    isClosed: false,
    anyOpen: () => undefined,
    dropShared: () => undefined,
    waitMs: ({ host }) => waits.get(host) ?? 0,
    shared: ({ host }, timeoutMs) => {
      attempts.push({ host, timeoutMs })
      return Promise.reject(down)
    },
  }
  const metadata: Pick<ClusterMetadata, 'brokers' | 'startOver'> = {
    brokers: [{ nodeId: 1, host: 'known', port: 9092, rack: null }],
    startOver: () => undefined,
  }
  bootstrap = new Bootstrap({
    config: resolveClientConfig({
      bootstrapServers: 'a:9092,b:9092,c:9092',
      bootstrapTimeoutMs: 40_000,
      metadataRecoveryRebootstrapTriggerMs: 5 * MINUTE,
      logger: silentLogger,
      runtime: { clock, random: new SeededRandom(5), transport: new ScriptedNetwork() },
    }),
    pool: pool as ConnectionPool,
    metadata: metadata as ClusterMetadata,
    startedOver: () => startedOver++,
  })
})

async function tryAll(withinMs: number): Promise<void> {
  await expect(bootstrap.connection(withinMs)).rejects.toMatchObject({
    message: expect.stringContaining('down') as string,
  })
}

describe('looking for a broker', () => {
  it('begins with addresses that did not fail of late, and goes on with those that are left alone the shortest', async () => {
    waits = new Map([
      ['known', 900],
      ['a', 300],
      ['c', 600],
    ])
    await tryAll(40_000)
    expect(attempts.map(({ host }) => host)).toEqual(['b', 'a', 'c', 'known'])
  })

  it('is bound by what its caller has for a first contact, and by bootstrapTimeoutMs once the cluster was reached', async () => {
    await tryAll(8_000)
    expect(new Set(attempts.splice(0).map(({ timeoutMs }) => timeoutMs))).toEqual(new Set([2_000]))
    bootstrap.everReached = true
    await tryAll(8_000)
    expect(new Set(attempts.map(({ timeoutMs }) => timeoutMs))).toEqual(new Set([10_000]))
  })
})

describe('the brokers that are known', () => {
  it('are given up for minutes of failures on end, and not for their sum', async () => {
    for (let times = 0; times < 4; times++) {
      bootstrap.failed(down)
      await clock.advance(2 * MINUTE)
      bootstrap.failed(down)
      bootstrap.succeeded()
    }
    expect(startedOver).toBe(0)
    bootstrap.failed(down)
    await clock.advance(5 * MINUTE - 1)
    bootstrap.failed(down)
    expect(startedOver).toBe(0)
    await clock.advance(1)
    bootstrap.failed(down)
    expect(startedOver).toBe(1)
  })
})
