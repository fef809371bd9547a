import { Admin, ShareConsumer } from '@milena/client'
import {
  clientProperties,
  CommandLineError,
  connectionProperties,
  readProperties,
  type ToolHost,
} from '@milena/tools-java-habits'
import { consume, type Clients } from './consume.js'
import { HELP, readFlags, USAGE, type Flags } from './flags.js'

/**
 * org.apache.kafka.tools.VerifiableShareConsumer on Milena. Resolves to the exit code: 1 where it could not begin (and for --help, as
 * in Java), otherwise 0, also after an error during consumption.
 */
export async function verifiableShareConsumer(words: readonly string[], host: ToolHost): Promise<number> {
  if (words.length === 0) {
    host.print(HELP)
    return 0
  }
  const begun = begin(words, host)
  if (begun === undefined) return 1
  await consume(begun.clients, begun.flags, host)
  return 0
}

function begin(
  words: readonly string[],
  host: ToolHost,
): { readonly flags: Flags; readonly clients: Clients } | undefined {
  try {
    const flags = readFlags(words)
    if (flags !== 'help') return { flags, clients: clientsFor(flags) }
    host.print(HELP)
  } catch (error) {
    if (error instanceof CommandLineError) host.complain(USAGE)
    host.complain(`verifiable-share-consumer: error: ${error instanceof Error ? error.message : String(error)}`)
  }
  return undefined
}

function clientsFor(flags: Flags): Clients {
  const { bootstrapServer, groupId, commandConfig } = flags
  const file = clientProperties(commandConfig === undefined ? {} : readProperties(commandConfig))
  const properties = { ...file, 'bootstrap.servers': bootstrapServer, 'group.id': groupId }
  // The consumer is made first: it knows every property, and its error names what is wrong.
  const consumer = new ShareConsumer({
    bootstrapServers: bootstrapServer,
    groupId,
    properties,
    keyDeserializer: asText,
    valueDeserializer: asText,
  })
  const admin = new Admin({ bootstrapServers: bootstrapServer, properties: connectionProperties(properties) })
  return { consumer, admin }
}

/** As Java's StringDeserializer: bytes that are not UTF-8 become replacement characters and fail nothing. */
function asText(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('utf8')
}
