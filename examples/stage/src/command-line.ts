import { parseArgs } from 'node:util'

/** What a reader asked for. */
export interface Options {
  /** Undefined: no Kafka is named. */
  readonly bootstrapServers: string | undefined
}

/** What the command line asks for; undefined when it was answered already, with the help or a complaint. */
export function readCommandLine(about: string): Options | undefined {
  const help = `${about}

  node dist/main.js [--bootstrap host:port]

  --bootstrap   a broker of an Apache Kafka 4.2 or newer with share groups (default: the environment variable
                MILENA_BOOTSTRAP; without either, an embedded broker in this process)
  --help        this text

Each run has a topic and a share group of its own; the topic is deleted in the end.`
  try {
    const { values } = parseArgs({
      // Some package managers hand a `--` through that separates their own arguments from the script's.
      args: process.argv.slice(2).filter((argument) => argument !== '--'),
      options: { bootstrap: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help !== true) {
      return { bootstrapServers: values.bootstrap ?? (process.env['MILENA_BOOTSTRAP'] || undefined) }
    }
    console.log(help)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exitCode = 2
  }
  return undefined
}
