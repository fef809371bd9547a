import { Admin } from '@milena/client'
import { withEmbeddedBroker } from '@milena/embedded-broker'
import { readCommandLine } from './command-line.js'
import { Stage } from './stage.js'

export interface StageOptions {
  /** The example's short name: it begins the names of its topic and groups. */
  readonly name: string
  /** What it shows, in a sentence: for --help, and the first line that it prints. */
  readonly about: string
  /** Of its topic. Default 1. */
  readonly partitions?: number
  /** Settings of the embedded broker. A real Kafka needs them in its server.properties. */
  readonly brokerProperties?: Readonly<Record<string, string>>
}

/** Plays an example where the command line says: on the embedded broker, or on a Kafka. The process fails with it. */
export async function onStage(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  const commandLine = readCommandLine(options.about)
  if (commandLine === undefined) return
  try {
    const { bootstrapServers } = commandLine
    const allAsExpected =
      bootstrapServers === undefined
        ? await withEmbeddedBroker((broker) => playOn(broker.bootstrapServers, 'an embedded broker', options, play), {
            serverProperties: options.brokerProperties ?? {},
          })
        : await playOn(bootstrapServers, `the Kafka at ${bootstrapServers}`, options, play)
    if (!allAsExpected) process.exitCode = 1
  } catch (error) {
    console.error(`\nThe example failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

async function playOn(
  bootstrapServers: string,
  where: string,
  { name, about, partitions = 1 }: StageOptions,
  play: (stage: Stage) => Promise<void>,
): Promise<boolean> {
  console.log(`${about}\n(on ${where})\n`)
  const end = new AbortController()
  const interrupted = (): void => end.abort(new Error('It was asked to end.'))
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  const topic = `${name}-${Date.now().toString(36)}`
  const group = `${topic}-workers`
  const admin = new Admin({ bootstrapServers })
  try {
    await admin.createTopics([{ name: topic, numPartitions: partitions }])
    const stage = new Stage(bootstrapServers, admin, topic, group, partitions, end.signal)
    await stage.setUpGroup(group)
    await play(stage)
    console.log('')
    return stage.allAsExpected
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
    await admin.deleteTopics([topic], { ifExists: true })
    await admin.close()
  }
}
