import { parseArgs } from 'node:util'

const HELP = `A share group works off 10,000 orders: a producer, a decorated listener, and a table of what became of them.

  node dist/main.js [--bootstrap host:port]

  --bootstrap   a broker of an Apache Kafka 4.2 or newer with share groups
                (default: the environment variable MILENA_BOOTSTRAP, else localhost:9092)
  --help        this text

Each run has a topic and a share group of its own; the topic is deleted in the end.`

/** What the command line asks for; undefined when it was answered already, with the help or a complaint. */
export function readCommandLine(): { readonly bootstrapServers: string } | undefined {
  try {
    const { values } = parseArgs({ options: { bootstrap: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help !== true) {
      return { bootstrapServers: values.bootstrap ?? (process.env['MILENA_BOOTSTRAP'] || 'localhost:9092') }
    }
    console.log(HELP)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
    process.exitCode = 2
  }
  return undefined
}
