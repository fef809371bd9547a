// 09: many in flight.
//
// A listener that waits for others (a database, a mail server) leaves its member idle. maxInFlight has the member call it for so
// many records at once. It costs no further members, connections or processes, and each record is still answered on its own.
//
// To notice: the same letters, the same mail server, one member each; the ratio at the end; and never more than 50 at once.
import { setTimeout as sleep } from 'node:timers/promises'
import 'reflect-metadata'
import { consoleLogger } from '@milena/client'
import { KafkaListener, kafkaModule, startKafkaListeners } from '@milena/decorators'
import { onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'

const LETTERS = 200
const AT_ONCE = 50

/** A mail server that takes 10 ms for a letter, however many it has. */
class MailServer {
  sent = 0
  mostAtOnce = 0
  #now = 0
  #beganAt = 0
  #endedAt = 0

  constructor(private readonly name: string) {}

  async send(): Promise<void> {
    this.#beganAt ||= performance.now()
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now)
    await sleep(10)
    this.#now--
    if (++this.sent % (LETTERS / 4) === 0) console.log(`  ${this.name}: ${this.sent} of ${LETTERS}`)
    this.#endedAt = performance.now()
  }

  /** From the first letter to the last. */
  get tookMs(): number {
    return this.#endedAt - this.#beganAt
  }
}

@injectable()
class LetterListener {
  readonly serial = new MailServer('one at a time')
  readonly parallel = new MailServer(`${AT_ONCE} at once`)

  @KafkaListener({ id: 'serial', topics: '${topic}', groupId: '${groups.serial}', autoStartup: false })
  async onLetter(): Promise<void> {
    await this.serial.send()
  }

  @KafkaListener({
    id: 'parallel',
    topics: '${topic}',
    groupId: '${groups.parallel}',
    autoStartup: false,
    maxInFlight: AT_ONCE,
  })
  async onLetterOfMany(): Promise<void> {
    await this.parallel.send()
  }
}

await onStage({ name: 'many-in-flight', about: '09: many in flight' }, async (stage) => {
  // Each group gets all the letters: groups do not share, their members do.
  const groups = { serial: stage.group, parallel: await stage.setUpGroup(`${stage.topic}-parallel`) }
  const di = new Container()
  di.bind(LetterListener).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers },
      listeners: [LetterListener],
      properties: { topic: stage.topic, groups },
      logger: consoleLogger(),
    }),
  )
  await stage.produce(Array.from({ length: LETTERS }, (_, number) => `letter ${number}`))
  const kafka = await startKafkaListeners(di)
  try {
    for (const id of ['serial', 'parallel'] as const) {
      const container = kafka.registry.getListenerContainer(id)
      await container?.start()
      await stage.untilFinished(groups[id])
      await container?.stop()
    }
  } finally {
    await kafka.stop()
  }

  const { serial, parallel } = di.get(LetterListener)
  const ratio = serial.tookMs / parallel.tookMs
  console.log('')
  stage.check('sent one at a time', serial.sent, LETTERS)
  stage.check(`sent ${AT_ONCE} at once`, parallel.sent, LETTERS)
  stage.check('most at once, without maxInFlight', serial.mostAtOnce, 1)
  stage.check(`most at once, with maxInFlight: ${AT_ONCE}`, parallel.mostAtOnce, AT_ONCE)
  console.log(`  ${Math.round(serial.tookMs)} ms against ${Math.round(parallel.tookMs)} ms`)
  stage.check('so many times as fast', Math.round(ratio), { atLeast: 4 })
})
