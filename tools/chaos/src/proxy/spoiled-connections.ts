import { between, oneOf } from '../seeded-random.js'
import type { Stage } from '../stage.js'
import type { FaultyProxy, ProxiedConnection } from './faulty-proxy.js'

/** A client gives a connection up that has answered nothing for so long (it is told this as its request timeout). */
export const PROXIED_REQUEST_TIMEOUT_MS = 8_000

/** Spoils connections, one way after another, until four fifths of the records are accepted. */
export async function spoilConnections(stage: Stage): Promise<void> {
  const { random, cluster } = stage
  const dark: Promise<void>[] = []
  while (stage.share < 0.8 && !stage.isOver) {
    await stage.pause(between(random, 500, 2_500))
    const [way, choice] = [random(), random()]
    const proxy = cluster.proxies[Math.floor(choice * cluster.proxies.length)]
    const connection = oneOf(random, proxy?.connections ?? [])
    if (proxy === undefined || connection === undefined) continue
    const broker = `broker ${cluster.proxies.indexOf(proxy) + 1}`
    if (way < 0.35) cut(stage, [connection], `cut a connection to ${broker}`)
    else if (way < 0.5) cut(stage, proxy.connections, `cut all connections to ${broker}`)
    else if (way < 0.75) delay(stage, connection, broker)
    else if (way < 0.9) blackHole(stage, connection, broker)
    // One broker at a time is dark: with two of three, the waiting would be all there is to see.
    else if (dark.length === 0) {
      const done = darken(stage, proxy, broker).then(() => {
        dark.length = 0
      })
      dark.push(done)
    }
  }
  await Promise.all(dark)
}

function cut(stage: Stage, connections: readonly ProxiedConnection[], what: string): void {
  const window = stage.open({ kind: 'connection spoilt' })
  for (const connection of connections) connection.cut()
  window.close(500)
  stage.say(what)
}

function delay(stage: Stage, connection: ProxiedConnection, broker: string): void {
  const ms = Math.round(between(stage.random, 100, 3_000))
  const window = stage.open({ kind: 'connection spoilt' })
  connection.delay(ms)
  window.close(ms + 500)
  stage.say(`held a connection to ${broker} for ${ms} ms`)
}

function blackHole(stage: Stage, connection: ProxiedConnection, broker: string): void {
  const window = stage.open({ kind: 'connection spoilt' })
  connection.blackHole()
  window.close(PROXIED_REQUEST_TIMEOUT_MS + 2_000)
  stage.say(`black-holed a connection to ${broker}`)
}

async function darken(stage: Stage, proxy: FaultyProxy, broker: string): Promise<void> {
  const ms = Math.round(between(stage.random, 2_000, 6_000))
  const window = stage.open({ kind: 'connection spoilt' })
  proxy.darken()
  stage.say(`black-holed ${broker} as a whole for ${ms} ms`)
  await stage.pause(ms)
  proxy.light()
  window.close(1_000)
}
