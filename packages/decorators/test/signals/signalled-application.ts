import { kafkaModule, KafkaTokens, startKafkaListeners } from '@milena/decorators'
import { Container } from 'inversify'

// An application in a process of its own, for shutdown-signals.test: its listener says that it has begun, and ends when it is told
// to on standard input. Arguments: address, topic, group; then words that change what it does.

const [bootstrapServers = '', topic = '', group = '', ...words] = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const told = new Promise<void>((resolve) => {
  process.stdin.once('data', () => resolve())
})
// Standard input is no reason to stay, unless there is no other.
if (!words.includes('slow-start')) process.stdin.unref()

if (words.includes('listens-itself')) {
  process.once('SIGTERM', () => say('heard by itself'))
}

const di = new Container()
const patience = words.includes('hangs') ? { shutdownTimeoutMs: 2000 } : {}
di.load(kafkaModule({ client: { bootstrapServers }, containerFactories: { default: patience } }))
di.bind(KafkaTokens.Endpoint).toConstantValue({
  id: 'signalled',
  topics: topic,
  groupId: group,
  listener: async () => {
    say('begun')
    if (words.includes('stops-itself')) {
      await di.get(KafkaTokens.Listeners).stop()
      say('stop returned')
    } else if (words.includes('hangs')) {
      await new Promise(() => undefined)
    } else await told
    say('ended')
  },
})
if (words.includes('slow-start')) {
  di.bind(KafkaTokens.PropertySource).toDynamicValue(async () => {
    say('starting')
    await told
    return {}
  })
}
const running = await startKafkaListeners(di, words.includes('unsignalled') ? { signals: false } : {})
say('running')
await running.whenStopped()
say('stopped')
