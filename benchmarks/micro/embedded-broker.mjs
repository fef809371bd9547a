// How soon the embedded broker serves, and how much it hands out: `node benchmarks/micro/embedded-broker.mjs`. Broker and client
// share one process, and with it one core; the ratio to a real Kafka is `pnpm bench share-consume`.
import { Producer, ShareConsumer } from '@milena/client'
import { EmbeddedBroker } from '@milena/embedded-broker'

const RECORDS = 1_000_000
const STARTS = 50

async function timeStarts() {
  const times = []
  for (let i = 0; i < STARTS; i++) {
    const began = performance.now()
    const broker = await EmbeddedBroker.start({ topics: ['orders:3'] })
    times.push(performance.now() - began)
    await broker.stop()
  }
  const [first] = times
  times.sort((a, b) => a - b)
  console.log(`start, TCP: first ${first.toFixed(1)} ms, median of ${STARTS} ${times[STARTS / 2].toFixed(2)} ms`)
}

async function timeRecords(network) {
  const broker = await EmbeddedBroker.start({ network, topics: ['orders:4'], rememberedRequests: 0 })
  broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
  const client = {
    bootstrapServers: broker.bootstrapServers,
    ...(network === 'memory' ? { runtime: broker.runtime } : {}),
  }
  const seconds = async (work) => {
    const began = performance.now()
    await work()
    return (performance.now() - began) / 1000
  }
  const producer = new Producer(client)
  const value = Buffer.alloc(100, 'x')
  const produced = await seconds(async () => {
    for (let sent = 0; sent < RECORDS; sent += 10_000) {
      await Promise.all(Array.from({ length: 10_000 }, () => producer.send({ topic: 'orders', value })))
    }
  })
  await producer.close()
  const consumer = new ShareConsumer({ ...client, groupId: 'workers', acknowledgementMode: 'explicit' })
  consumer.subscribe(['orders'])
  const consumed = await seconds(async () => {
    for (let taken = 0; taken < RECORDS;) {
      for (const record of await consumer.poll(1000)) {
        consumer.acknowledge(record)
        taken++
      }
    }
    await consumer.commitSync()
  })
  await consumer.close()
  await broker.stop()
  const rate = (time) => `${Math.round(RECORDS / time / 1000)}k records/s`
  console.log(`${network}: 100-byte records, Producer ${rate(produced)}, ShareConsumer ${rate(consumed)}`)
}

await timeStarts()
await timeRecords('memory')
await timeRecords('tcp')
