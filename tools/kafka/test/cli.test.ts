import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePorts, isFree } from '../src/free-ports.js'
import { isAlive, type ProcessIdentity } from '../src/process-identity.js'
import { compiled, compileKafkaTools } from './compiled.js'
import { eventually } from './eventually.js'
import { describeWithKafka } from './with-kafka.js'

const state = mkdtempSync(join(tmpdir(), 'kafka-cli-test-'))
afterAll(() => rmSync(state, { recursive: true }))

interface Answer {
  readonly code: number
  readonly output: string
}

function kafka(...words: string[]): Promise<Answer> {
  return promisify(execFile)(process.execPath, [compiled('cli.js'), ...words], {
    env: { ...process.env, MILENA_KAFKA_STATE: state },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (failed: { code: number; stdout: string; stderr: string }) => ({
      code: failed.code,
      output: failed.stdout + failed.stderr,
    }),
  )
}

function keeper(): ProcessIdentity {
  return (JSON.parse(readFileSync(join(state, 'up.json'), 'utf8')) as { keeper: ProcessIdentity }).keeper
}

beforeAll(compileKafkaTools, 60_000)

describe('The kafka command', () => {
  it('explains itself when it is given nothing', async () => {
    const { code, output } = await kafka()
    expect(code).toBe(2)
    expect(output).toContain('kafka up [--brokers 1|3] [--port 9092]')
  })

  it('refuses a number of brokers or a port that makes no sense', async () => {
    await expect(kafka('up', '--brokers', '2')).resolves.toEqual({ code: 2, output: '--brokers is 1 or 3.\n' })
    await expect(kafka('up', '--port', '99999')).resolves.toMatchObject({ code: 2 })
    await expect(kafka('up', '--prot', '9092')).resolves.toMatchObject({ code: 1 })
  })

  it('has nothing to stop when nothing runs, also after a keeper that died left its state', async () => {
    writeFileSync(join(state, 'up.json'), JSON.stringify({ keeper: { pid: process.pid, startedAt: '1' }, brokers: 1 }))
    await expect(kafka('down')).resolves.toEqual({ code: 0, output: 'No Kafka was running.\n' })
    await expect(kafka('status')).resolves.toEqual({ code: 1, output: 'No Kafka is running.\n' })
  })
})

describeWithKafka('Kafka in the background', () => {
  afterEach(async () => {
    await kafka('down')
  })

  it('runs from up until down', async () => {
    const [port] = (await freePorts(1)) as [number]
    const up = await kafka('up', '--port', String(port))
    expect(up).toMatchObject({ code: 0, output: expect.stringContaining(`Kafka runs on 127.0.0.1:${port}.`) })
    await expect(isFree(port)).resolves.toBe(false)

    const again = await kafka('up')
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining(`already runs on 127.0.0.1:${port}`) })

    const keeperProcess = keeper()
    await expect(kafka('down')).resolves.toMatchObject({ code: 0, output: expect.stringContaining('Kafka is stopped') })
    expect(isAlive(keeperProcess)).toBe(false)
    await expect(isFree(port)).resolves.toBe(true)
  }, 120_000)

  it('goes with its keeper, and can be started anew', async () => {
    const [port] = (await freePorts(1)) as [number]
    await kafka('up', '--port', String(port))
    process.kill(keeper().pid, 'SIGKILL')
    await expect(eventually(() => isFree(port), 10_000)).resolves.toBe(true)
    await expect(kafka('up', '--port', String(port))).resolves.toMatchObject({ code: 0 })
  }, 120_000)

  it('says why it did not start', async () => {
    const [port] = (await freePorts(1)) as [number]
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    const { code, output } = await kafka('up', '--port', String(port))
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(`Port ${port} is in use`) })
    await new Promise((resolve) => other.close(resolve))
  }, 120_000)
})
