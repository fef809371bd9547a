// 06: events, and a restart.
//
// A container tells of its life in events: to @EventListener methods, to container.on() and to a publisher of the application.
// Members that die are replaced by the container itself. What no new member could cure fails the container; a subscriber may
// start it again, in the way in which containers of Spring are watched over.
//
// To notice: ConsumerStopped says ABNORMAL, and why; start() may be called from inside the event; the record that was being
// worked on was not answered, so it comes again; and the last stop, which was asked for, says NORMAL.
import 'reflect-metadata'
import { consoleLogger, ConsumerRecord } from '@milena/client'
import {
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  DefaultShareConsumerFactory,
  ShareConsumerStoppingEvent,
} from '@milena/container'
import { EventListener, KafkaListener, kafkaModule, startKafkaListeners } from '@milena/decorators'
import { onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'

const LETTERS = 20

/** No broker fails on demand. So this does what must not be done: it closes a consumer under its container. */
@injectable()
class Accident {
  happen: () => Promise<void> = () => Promise.resolve()
}

@injectable()
class LetterListener {
  readonly read = new Set<number>()
  redelivered = 0

  constructor(private readonly accident: Accident) {}

  @KafkaListener({ id: 'letters', topics: '${topic}', groupId: '${group}' })
  async onLetter(record: ConsumerRecord): Promise<void> {
    if (record.deliveryCount > 1) this.redelivered++
    if (record.offset === 7 && record.deliveryCount === 1) {
      console.log('  letter 7: somebody closes the consumer')
      await this.accident.happen()
    }
    this.read.add(record.offset)
  }
}

@injectable()
class Watch {
  restarts = 0
  readonly stops: string[] = []

  @EventListener(ConsumerStartingEvent)
  starting({ clientId }: ConsumerStartingEvent): void {
    console.log(`  ConsumerStarting         ${clientId}`)
  }

  @EventListener(ConsumerStartedEvent)
  started({ clientId }: ConsumerStartedEvent): void {
    console.log(`  ConsumerStarted          ${clientId}`)
  }

  @EventListener(ShareConsumerStoppingEvent)
  stopping({ clientId }: ShareConsumerStoppingEvent): void {
    console.log(`  ShareConsumerStopping    ${clientId}`)
  }

  @EventListener(ConsumerStoppedEvent)
  async stopped({ clientId, container, reason, cause }: ConsumerStoppedEvent): Promise<void> {
    console.log(
      `  ConsumerStopped          ${clientId}: ${reason}${cause instanceof Error ? `, ${cause.message}` : ''}`,
    )
    this.stops.push(reason)
    // Not for ever: what fails at once every time is better left alone.
    if (reason === 'NORMAL' || this.restarts === 3) return
    this.restarts++
    await container.start() // it is still stopping here, and starts as soon as it is done
    console.log(`  container '${container.id}' is ${container.state} again`)
  }
}

await onStage({ name: 'restart', about: '06: events, and a restart' }, async (stage) => {
  const consumerFactory = new DefaultShareConsumerFactory<unknown, unknown>({
    bootstrapServers: stage.bootstrapServers,
    logger: consoleLogger(),
  })
  const accident = new Accident()
  consumerFactory.addListener({
    // Later on it belongs to its container, and refuses to be closed.
    consumerAdded: (_id, consumer) => (accident.happen = consumer.close.bind(consumer)),
  })
  const di = new Container()
  di.bind(Accident).toConstantValue(accident)
  di.bind(LetterListener).toSelf().inSingletonScope()
  di.bind(Watch).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers },
      containerFactories: { default: { consumerFactory } },
      listeners: [LetterListener, Watch],
      properties: { topic: stage.topic, group: stage.group },
      logger: consoleLogger(),
    }),
  )
  const kafka = await startKafkaListeners(di)
  try {
    await stage.produce(Array.from({ length: LETTERS }, (_, number) => `letter ${number}`))
    await stage.untilFinished()
  } finally {
    await kafka.stop()
  }

  const listener = di.get(LetterListener)
  const watch = di.get(Watch)
  console.log('')
  stage.check('letters read', listener.read.size, LETTERS)
  stage.check('redelivered', listener.redelivered, { atLeast: 1 })
  stage.check('restarts', watch.restarts, 1)
  stage.check('reasons of the stops', watch.stops.join(', '), 'ABNORMAL, NORMAL')
})
