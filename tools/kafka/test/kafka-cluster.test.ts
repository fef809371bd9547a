import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { removeAbandonedFolders } from '../src/cluster-folder.js'
import { isFree } from '../src/free-ports.js'
import { startKafkaCluster, type KafkaBroker, type KafkaCluster } from '../src/kafka-cluster.js'
import { identityOf, isAlive } from '../src/process-identity.js'
import { compileKafkaTools } from './compiled.js'
import { eventually } from './eventually.js'
import { describeWithKafka } from './with-kafka.js'

// On a busy machine with two cores, with room to spare.
const startMs = 120_000

describeWithKafka('A cluster of one broker', () => {
  let cluster: KafkaCluster
  let broker: KafkaBroker
  beforeAll(async () => {
    cluster = await startKafkaCluster()
    broker = cluster.brokers[0] as KafkaBroker
  }, startMs)
  afterAll(() => cluster.stop())

  it('listens on its bootstrap address', async () => {
    expect(cluster.bootstrapServers).toBe(`127.0.0.1:${broker.port}`)
    await expect(isFree(broker.port)).resolves.toBe(false)
  })

  it('has share groups with dead-letter topics (share.version=2)', () => {
    expect(cluster.logTail(1, 10_000)).toContain('setting feature share.version to 2')
  })

  it('has used a share group before it was called ready, and left nothing of it', () => {
    const log = cluster.logTail(1, 10_000)
    expect(log).toContain('Created log for partition __share_group_state-0')
    expect(log).toMatch(/Replayed RemoveTopicRecord for topic milena-readiness-probe-/)
  })

  it(
    'serves again on the same port after it was killed and restarted',
    async () => {
      const before = broker.pid
      await broker.kill()
      expect(broker.pid).toBeUndefined()
      await expect(isFree(broker.port)).resolves.toBe(true)
      await broker.restart()
      expect(broker.pid).not.toBe(before)
      await expect(isFree(broker.port)).resolves.toBe(false)
    },
    startMs,
  )

  it('leaves neither process nor folder after stop(), which may be called twice', async () => {
    const { pid } = broker
    const folder = readlinkSync(`/proc/${pid}/cwd`)
    await Promise.all([cluster.stop(), cluster.stop()])
    expect(pid !== undefined && isAlive(identityOf(pid))).toBe(false)
    expect(existsSync(folder)).toBe(false)
  })
})

describeWithKafka('A cluster with share.version 0', () => {
  it('is ready without a share group, and has the level after a restart too', async () => {
    const cluster = await startKafkaCluster({ features: { 'share.version': 0 } })
    await cluster.brokers[0]?.restart()
    const log = cluster.logTail(1, 20_000)
    expect(log).not.toMatch(/setting feature share\.version to [1-9]/)
    expect(log).not.toContain('__share_group_state-0')
    await cluster.stop()
  }, 120_000)
})

describeWithKafka('A broker that dies while it serves', () => {
  it('is reported with the end of its log', async () => {
    const lines: string[] = []
    const cluster = await startKafkaCluster({ logger: (line) => lines.push(line) })
    process.kill(cluster.brokers[0]?.pid as number, 'SIGKILL')
    await expect(eventually(() => lines.length > 1, 10_000)).resolves.toBe(true)
    expect(lines.at(-1)).toMatch(/^Broker 1 ended by itself \(SIGKILL\)\. The last lines of its log:\n\d\d:/)
    await cluster.stop()
  }, 120_000)
})

describeWithKafka('A cluster of three brokers', () => {
  let cluster: KafkaCluster
  beforeAll(async () => {
    cluster = await startKafkaCluster({ brokers: 3 })
  }, startMs)
  afterAll(() => cluster.stop())

  it('has three addresses and three processes', () => {
    expect(cluster.bootstrapServers.split(',')).toHaveLength(3)
    expect(new Set(cluster.brokers.map((broker) => broker.pid)).size).toBe(3)
  })

  it(
    'keeps two when one is killed, and takes that one back',
    async () => {
      const [first, second, third] = cluster.brokers
      await second?.kill()
      expect([first?.pid, second?.pid, third?.pid].map((pid) => pid !== undefined)).toEqual([true, false, true])
      await second?.restart()
      expect(second?.pid).toBeTypeOf('number')
    },
    startMs,
  )
})

describeWithKafka('A cluster whose owner goes', () => {
  beforeAll(compileKafkaTools, 60_000)

  it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'takes its broker and its folder along after %s',
    async (signal) => {
      const parent = spawn(process.execPath, [fileURLToPath(new URL('./fixtures/parent.js', import.meta.url))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
      const { pids, folders } = JSON.parse(line) as { pids: number[]; folders: string[] }
      const brokers = pids.map(identityOf)
      expect(brokers.every(isAlive)).toBe(true)
      expect(folders.every((folder) => existsSync(folder))).toBe(true)

      parent.kill(signal)
      await once(parent, 'exit')
      await expect(eventually(() => !brokers.some(isAlive), 10_000)).resolves.toBe(true)
      expect(folders.filter((folder) => existsSync(folder))).toEqual([])
    },
    startMs,
  )
})

describeWithKafka('A cluster that cannot start', () => {
  it(
    "says so with the end of the broker's log, and leaves nothing",
    async () => {
      const error = await startKafkaCluster({ serverProperties: { 'num.network.threads': 'many' } }).catch(
        (cause: unknown) => cause,
      )
      expect(String(error)).toMatch(
        /Kafka did not start \(.*exit code 1\)+.*Invalid value many for configuration num.network.threads/s,
      )
    },
    startMs,
  )

  it(
    'says which port is in use',
    async () => {
      const cluster = await startKafkaCluster()
      const port = cluster.brokers[0]?.port as number
      await expect(startKafkaCluster({ port })).rejects.toThrow(`Port ${port} is in use`)
      await cluster.stop()
    },
    startMs,
  )

  it(
    'gives up after its time',
    async () => {
      await expect(startKafkaCluster({ startTimeoutMs: 50 })).rejects.toThrow(
        'did not serve a share group within 50 ms',
      )
    },
    startMs,
  )
})

describe('The folder of a cluster that had no broker when its owner died', () => {
  it('is removed by the next one to start', () => {
    const abandoned = mkdtempSync(join(tmpdir(), 'milena-kafka-'))
    const owned = mkdtempSync(join(tmpdir(), 'milena-kafka-'))
    mkdirSync(join(abandoned, 'broker-1'))
    writeFileSync(join(abandoned, 'owner.json'), JSON.stringify({ pid: process.pid, startedAt: '1' }))
    writeFileSync(join(owned, 'owner.json'), JSON.stringify(identityOf(process.pid)))
    removeAbandonedFolders()
    expect([existsSync(abandoned), existsSync(owned)]).toEqual([false, true])
    writeFileSync(join(owned, 'owner.json'), JSON.stringify({ pid: process.pid, startedAt: '1' }))
    removeAbandonedFolders()
    expect(existsSync(owned)).toBe(false)
  })
})
