import { connect } from 'node:net'
import { ByteReader, ByteWriter, KafkaUsageError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { parseBootstrapServers } from '../../src/cluster/address.js'
import { ShareConsumer } from '../../src/share/share-consumer.js'

describeOnBrokers('A group id that a consumer group has', (broker) => {
  it('is refused for a share group in one error that names the group and the remedy', async () => {
    const topic = await broker.createTopic()
    const groupId = broker.uniqueName('consumer-group')
    await commitOffset(broker.bootstrapServers, groupId, topic)
    const consumer = new ShareConsumer({ bootstrapServers: broker.bootstrapServers, groupId })
    consumer.subscribe([topic])
    const began = performance.now()
    const error = await consumer.poll(30_000).catch((reason: unknown) => reason)
    expect(error).toSatisfy(KafkaUsageError.is)
    expect((error as Error).message).toBe(
      `Group '${groupId}' cannot be joined as a share group: it exists as a group of another type. Use another groupId, or delete that group.`,
    )
    await consumer.close()
    expect(performance.now() - began).toBeLessThan(5_000)
  })
})

/** Commits an offset as a consumer does that assigns partitions by itself (OffsetCommit v2), which makes a group of the classic type. */
async function commitOffset(bootstrapServers: string, groupId: string, topic: string): Promise<void> {
  const [address] = parseBootstrapServers([bootstrapServers])
  if (address === undefined) throw new Error('there is no broker')
  const text = (value: string): void => {
    request.int16(Buffer.byteLength(value))
    request.bytes(Buffer.from(value))
  }
  const request = new ByteWriter()
  request.int16(8)
  request.int16(2)
  request.int32(1)
  text('milena-test')
  text(groupId)
  request.int32(-1)
  text('')
  request.int64(-1)
  request.int32(1)
  text(topic)
  request.int32(1)
  request.int32(0)
  request.int64(0)
  text('')
  const body = request.toBuffer()
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect(address, () => socket.write(Buffer.concat([size, body])))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data)
    })
    socket.once('error', reject)
  })
  expect(new ByteReader(answer, answer.length - 2).int16()).toBe(0)
}
