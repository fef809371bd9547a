import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { allWalls } from './all-walls.js'
import type { FromWall } from './wall-messages.js'
import type { Wall, WallResult } from './wall.js'
import { WallsCluster } from './walls-cluster.js'

export interface WallsOptions {
  /** Undefined: all. */
  readonly only: readonly string[] | undefined
  readonly jsonFile: string | undefined
}

export interface WallsOutcome {
  readonly table: string
  readonly allHold: boolean
}

interface Measured {
  readonly wall: Wall
  readonly result: WallResult
}

const PATIENCE_MS = 300_000

/** Each wall in a process of its own; walls of as many brokers share a cluster. */
export async function benchWalls(options: WallsOptions, progress: (line: string) => void): Promise<WallsOutcome> {
  const { only, jsonFile } = options
  for (const name of only ?? []) {
    if (!allWalls.some((wall) => wall.name === name)) {
      throw new Error(`There is no wall '${name}'. There are: ${allWalls.map((wall) => wall.name).join(', ')}.`)
    }
  }
  const wanted = allWalls.filter(({ name }) => only === undefined || only.includes(name))
  const measured: Measured[] = []
  for (const brokers of [1, 3] as const) {
    const walls = wanted.filter((wall) => wall.brokers === brokers)
    if (walls.length === 0) continue
    const cluster = await WallsCluster.start(brokers, progress)
    try {
      for (const wall of walls) {
        progress(`${wall.title} …`)
        const result = await runWall(wall, cluster, progress)
        progress(`  ${result.measured}${result.broken.length > 0 ? ` BROKEN: ${result.broken.join('; ')}` : ''}`)
        measured.push({ wall, result })
      }
    } finally {
      await cluster.stop()
    }
  }
  if (jsonFile !== undefined) {
    const json = measured.map(({ wall, result }) => ({ wall: wall.name, ...result }))
    writeFileSync(jsonFile, `${JSON.stringify(json, undefined, 2)}\n`)
  }
  return { table: formatTable(measured), allHold: measured.every(({ result }) => result.broken.length === 0) }
}

function runWall(wall: Wall, cluster: WallsCluster, progress: (line: string) => void): Promise<WallResult> {
  const program = fileURLToPath(new URL('./wall-process.js', import.meta.url))
  const child = fork(program, [wall.name, cluster.bootstrapServers, cluster.proxiedBootstrapServers])
  const follow = (): boolean => child.kill('SIGKILL')
  process.once('exit', follow)
  const tooLong = setTimeout(follow, PATIENCE_MS)
  let result: WallResult | undefined
  child.on('message', (message: FromWall) => {
    if (message.kind === 'progress') progress(`  ${message.line}`)
    else if (message.kind === 'result') result = message.result
    else if (message.kind === 'failed') result = failed(message.reason)
    else void answer(message, cluster).then((value) => child.connected && child.send({ id: message.id, value }))
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(tooLong)
      process.off('exit', follow)
      resolve(result ?? failed(`its process ended with ${signal ?? code ?? 'no word'}`))
    })
  })
}

async function answer(
  { what }: Extract<FromWall, { kind: 'ask' }>,
  cluster: WallsCluster,
): Promise<number | readonly number[]> {
  switch (what) {
    case 'reset':
      return cluster.proxies.reduce((sum, proxy) => sum + proxy.reset(), 0)
    case 'requests':
      return cluster.proxies.map(({ requests }) => requests)
    case 'kill':
      await cluster.killAll()
      return 0
    case 'start':
      await cluster.startAll()
      return 0
  }
}

function failed(reason: string): WallResult {
  return { measured: 'nothing', broken: [reason], figures: {} }
}

function formatTable(measured: readonly Measured[]): string {
  const rows = measured.map(({ wall, result }) => [
    wall.title,
    wall.asked,
    result.measured,
    result.broken.length === 0 ? 'yes' : `**no**: ${result.broken.map((each) => each.split('\n')[0]).join('; ')}`,
  ])
  return [['wall', 'asked', 'measured', 'holds'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
