import { Admin } from '@milena/client'
import { allWalls } from './all-walls.js'
import type { FromWall, ToWall } from './wall-messages.js'
import type { WallStage } from './wall.js'

// The process in which one wall is measured: `wall-process NAME bootstrapServers proxiedBootstrapServers`, started by the driver.

const [name, bootstrapServers, proxiedBootstrapServers] = process.argv.slice(2)
const wall = allWalls.find((each) => each.name === name)
if (
  wall === undefined ||
  bootstrapServers === undefined ||
  proxiedBootstrapServers === undefined ||
  process.send === undefined
) {
  throw new Error('This program is started by pnpm bench walls.')
}

const tell = (message: FromWall): void => void process.send?.(message)
const asked = new Map<number, (value: number | readonly number[]) => void>()
process.on('message', ({ id, value }: ToWall) => {
  asked.get(id)?.(value)
  asked.delete(id)
})
const ask = (what: 'reset' | 'requests' | 'kill' | 'start'): Promise<number | readonly number[]> =>
  new Promise((resolve) => {
    const id = asked.size === 0 ? 1 : Math.max(...asked.keys()) + 1
    asked.set(id, resolve)
    tell({ kind: 'ask', id, what })
  })

const admin = new Admin({ bootstrapServers })
const stage: WallStage = {
  bootstrapServers,
  proxiedBootstrapServers,
  admin,
  reset: async () => Number(await ask('reset')),
  requests: async () => (await ask('requests')) as readonly number[],
  killAllBrokers: async () => void (await ask('kill')),
  startAllBrokers: async () => void (await ask('start')),
  progress: (line) => tell({ kind: 'progress', line }),
}

try {
  tell({ kind: 'result', result: await wall.run(stage) })
} catch (error) {
  tell({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}
await admin.close().catch(() => undefined)
process.disconnect()
// What a wall that failed left open must not hold the others up.
process.exit()
