// 04: long work.
//
// A record is locked for the member that has it: for 30 seconds by default, here for one. The work of this example takes 2.4.
// Three listeners do the same, each for a group of its own: one leaves renewing to its container, one has that switched off, and
// one, in MANUAL mode, renews by itself as it gets on.
//
// To notice: with the default there is nothing to do; a lock that nobody renews runs out, the group delivers the record again, and
// what the first call comes up with counts no more; renew() is for those who want a lock to last only while there is progress.
import 'reflect-metadata'
import { setTimeout as sleep } from 'node:timers/promises'
import { consoleLogger } from '@milena/client'
import { AcknowledgmentFailedEvent, RecordLockLostEvent, ShareAcknowledgment } from '@milena/container'
import { Ack, DeliveryCount, EventListener, KafkaListener, kafkaModule, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'

/** Set at the broker before a listener joins its group. */
const groupConfigs = { 'share.record.lock.duration.ms': 1000, 'share.auto.offset.reset': 'earliest' } as const
const STEPS = 8
const STEP_MS = 300

@injectable()
class LongWorkListener {
  @KafkaListener({ id: 'renewed', topics: '${topic}', groupId: '${topic}-renewed', groupConfigs })
  async leavesItToTheContainer(): Promise<void> {
    for (let step = 1; step <= STEPS; step++) await sleep(STEP_MS)
  }

  @KafkaListener({
    id: 'lost',
    topics: '${topic}',
    groupId: '${topic}-lost',
    groupConfigs,
    containerFactory: 'withoutRenewals',
  })
  async isOnItsOwn(@DeliveryCount() delivery: number): Promise<void> {
    // The second delivery finds most of the work done.
    for (let step = delivery === 1 ? 1 : STEPS; step <= STEPS; step++) await sleep(STEP_MS)
  }

  @KafkaListener({
    id: 'manual',
    topics: '${topic}',
    groupId: '${topic}-manual',
    groupConfigs,
    containerFactory: 'withoutRenewals',
    ackMode: 'MANUAL',
  })
  async renewsByItself(@Ack() acknowledgment: ShareAcknowledgment): Promise<void> {
    for (let step = 1; step <= STEPS; step++) {
      if (step > 1) acknowledgment.renew()
      await sleep(STEP_MS)
    }
    acknowledgment.acknowledge()
  }

  // The container noticed before it answered, or the broker refused the answer.
  @EventListener(RecordLockLostEvent)
  @EventListener(AcknowledgmentFailedEvent)
  tooLate({ containerId }: RecordLockLostEvent | AcknowledgmentFailedEvent): void {
    console.log(`  ${containerId}: an answer came too late, and its record comes again`)
  }
}

await onStage(
  {
    name: 'long-work',
    about: '04: long work',
    // Kafka allows no lock below 15 s unless it is told otherwise.
    brokerProperties: { 'group.share.min.record.lock.duration.ms': '1000' },
  },
  async (stage) => {
    const di = new Container()
    di.load(
      kafkaModule({
        client: { bootstrapServers: stage.bootstrapServers },
        containerFactories: { default: {}, withoutRenewals: { maxLockExtensionMs: 0 } },
        listeners: [LongWorkListener],
        properties: { topic: stage.topic },
        logger: consoleLogger(),
      }),
    )
    const kafka = await startKafkaListeners(di)
    try {
      await stage.produce(['a long story'])
      await Promise.all(['renewed', 'lost', 'manual'].map((name) => stage.untilFinished(`${stage.topic}-${name}`)))
    } finally {
      await kafka.stop()
    }

    const counts = (id: string) => confirmedTo(kafka.registry.getListenerContainer(id))
    console.log('')
    stage.check('renewed by the container: deliveries', counts('renewed').acquired, 1)
    stage.check('renewed by the container: renewals', counts('renewed').lockRenewals, { atLeast: 2 })
    stage.check('not renewed: deliveries', counts('lost').acquired, { atLeast: 2 })
    stage.check('renewed by the listener: deliveries', counts('manual').acquired, 1)
    stage.check('renewed by the listener: renewals', counts('manual').renewed, { atLeast: 2 })
  },
)
