// 07: a listener container in plain code.
//
// @milena/container does all the work of a @KafkaListener. It needs no decorators, no reflect-metadata and no dependency
// injection: a consumer factory, a listener, start() and stop(). Scripts, and frameworks that have a container of their own,
// begin here.
//
// To notice: the two members share one partition, which the members of a consumer group could not; the listener returned is all
// it takes to accept a record; and what the recoverer released came again.
import { string, type ConsumerRecord } from '@milena/client'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { confirmedTo, onStage } from '@milena/example-stage'

const GREETINGS = 200

await onStage({ name: 'code-only', about: '07: a listener container in plain code' }, async (stage) => {
  const greeted = new Set<string | null>()

  // Returned: the broker is told ACCEPT. Thrown: the recoverer decides.
  function onGreeting(record: ConsumerRecord<Buffer | null, string | null>): void {
    if (record.offset % 50 === 0 && record.deliveryCount === 1) throw new Error('Nobody opens the door.')
    greeted.add(record.value)
  }

  const consumerFactory = new DefaultShareConsumerFactory({
    bootstrapServers: stage.bootstrapServers,
    valueDeserializer: string(),
  })
  const container = new ShareMessageListenerContainer(consumerFactory, {
    id: 'greetings',
    topics: stage.topic,
    groupId: stage.group,
    concurrency: 2, // members of the group
    shareConsumerRecordRecoverer: (record) => (record.deliveryCount < 3 ? 'RELEASE' : 'REJECT'),
  })
  container.setupMessageListener(onGreeting)
  container.on('consumerStarted', ({ clientId }) => console.log(`  ${clientId} has joined the group`))

  await container.start() // resolves when both members have joined
  await stage.produce(Array.from({ length: GREETINGS }, (_, number) => `Good morning ${number}`))
  await stage.untilFinished()
  await container.stop() // bounded: finishes what runs, gives the rest back to the group

  const { accepted, released, rejected } = confirmedTo(container)
  console.log('')
  stage.check('greetings that were said', greeted.size, GREETINGS)
  stage.check('acknowledgements: ACCEPT', accepted, GREETINGS)
  stage.check('acknowledgements: RELEASE', released, GREETINGS / 50)
  stage.check('acknowledgements: REJECT', rejected, 0)
  stage.check('members still in the group', await membersOf(stage.group), 0)

  async function membersOf(group: string): Promise<number> {
    const [description] = await stage.admin.describeShareGroups([group])
    return description?.members.length ?? 0
  }
})
