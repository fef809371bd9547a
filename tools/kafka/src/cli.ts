#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { BackgroundCluster } from './background-cluster.js'
import { kafkaClassPath } from './kafka-jars.js'

const usage = `Usage:
  kafka up [--brokers 1|3] [--port 9092]     starts Apache Kafka in the background; its data lasts until kafka down
  kafka down                                 stops it and removes its data
  kafka status                               says whether it runs
  kafka class-path [broker|command-line]     fetches the jars and prints their Java class path`

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      brokers: { type: 'string', default: '1' },
      port: { type: 'string', default: '9092' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const [command, ...rest] = positionals
  switch (command) {
    case 'up':
      return up(values.brokers, values.port)
    case 'down':
      console.log(
        (await new BackgroundCluster().down()) ? 'Kafka is stopped, its data removed.' : 'No Kafka was running.',
      )
      return 0
    case 'status':
      return status()
    case 'class-path':
      return classPath(rest[0] ?? 'broker')
    case 'keep': {
      const [folder, brokers, port] = rest
      await new BackgroundCluster(folder).keep({ brokers: brokers === '3' ? 3 : 1, port: Number(port) })
      return 0
    }
    default:
      console.error(usage)
      return 2
  }
}

async function up(brokers: string, port: string): Promise<number> {
  if (brokers !== '1' && brokers !== '3') {
    console.error('--brokers is 1 or 3.')
    return 2
  }
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_533) {
    console.error('--port is a number from 1 to 65533.')
    return 2
  }
  const background = new BackgroundCluster()
  const present = background.state()
  if (present !== undefined) {
    console.log(
      present.bootstrapServers === undefined
        ? 'Kafka is being started by another command.'
        : `Kafka already runs on ${present.bootstrapServers}. Stop it with: npx -y pnpm@10 kafka:down`,
    )
    return 0
  }
  const state = await background.up({ brokers: brokers === '3' ? 3 : 1, port: Number(port) }, (line) =>
    console.log(line),
  )
  console.log(`Kafka runs on ${state.bootstrapServers ?? ''}. Stop it with: npx -y pnpm@10 kafka:down`)
  return 0
}

function status(): number {
  const state = new BackgroundCluster().state()
  console.log(
    state === undefined ? 'No Kafka is running.' : `Kafka runs on ${state.bootstrapServers ?? '… (starting)'}.`,
  )
  return state === undefined ? 1 : 0
}

async function classPath(set: string): Promise<number> {
  if (set !== 'broker' && set !== 'command-line') {
    console.error(usage)
    return 2
  }
  console.log(await kafkaClassPath(set, (line) => console.error(line)))
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
