// Decoding and encoding of record batches, CRC-32C and codecs, as ratios within one run: `node benchmarks/micro/records.mjs`.
// The bar is a bare loop over the same bytes that trusts them blindly.
import {
  crc32c,
  defaultCompressionCodecs,
  CompressionType,
  RecordBatchBuilder,
  RecordBatchReader,
} from '@milena/protocol'

const RECORDS_PER_BATCH = 160
const BATCHES = 64
const rounds = 25

const fixtures = [100, 1024].map((valueBytes) => ({
  valueBytes,
  field: recordsField(valueBytes, CompressionType.NONE),
}))

for (const { valueBytes, field } of fixtures) {
  const records = RECORDS_PER_BATCH * BATCHES
  console.log(
    `\n${valueBytes}-byte values, ${RECORDS_PER_BATCH} a batch: CPU seconds per million records (ratio to the bare loop)`,
  )
  const bare = best(() => bareLoop(field))
  const report = (name, work) => {
    const seconds = name === 'bare loop' ? bare : best(work)
    console.log(`  ${name.padEnd(48)} ${((seconds / records) * 1e6).toFixed(3)}   ${(seconds / bare).toFixed(2)}`)
  }
  report('bare loop')
  report('cursor, next() only', () => walk(field, () => 0))
  report('cursor, offsets only', () => walkOffsets(field))
  report('cursor, first and last byte by position', () => walk(field, byPosition))
  report('cursor, value as a view', () => walk(field, byView))
  report('cursor, value as a string', () => walk(field, (cursor) => cursor.value.toString('latin1').length))
  report('checksum', () => checksums(field))
  report('checksum and value as a view', () => checksums(field) + walk(field, byView))
  report('writing', () => recordsField(valueBytes, CompressionType.NONE).length)
}

console.log('\nchecksum, MB/s')
for (const bytes of [64, 512, 16_384, 1_048_576]) {
  const buffer = Buffer.alloc(bytes, 'milena')
  const times = Math.ceil(16_777_216 / bytes)
  const seconds = best(() => repeat(times, () => crc32c(buffer, 0, bytes)))
  console.log(`  ${String(bytes).padStart(9)} bytes ${((bytes * times) / seconds / 1e6).toFixed(0)}`)
}

console.log('\ncodecs, MB/s of plain bytes (JSON records, one batch of about 1 MB)')
defaultCompressionCodecs.onChosen(({ compression, implementation }) =>
  console.log(`  ${compression}: ${implementation}`),
)
const plain = jsonRecords(1_000_000)
for (const [name, type] of Object.entries(CompressionType).filter(([name]) => name !== 'NONE')) {
  const compressed = await defaultCompressionCodecs.compress(type, plain)
  await defaultCompressionCodecs.decompress(type, compressed, { of: name })
  const into = await bestAsync(() => defaultCompressionCodecs.compress(type, plain))
  const outOf = await bestAsync(() => defaultCompressionCodecs.decompress(type, compressed, { of: name }))
  const mb = plain.length / 1e6
  console.log(
    `  ${name.padEnd(7)} in ${(mb / into).toFixed(0).padStart(5)}  out ${(mb / outOf).toFixed(0).padStart(5)}  to ${((100 * compressed.length) / plain.length).toFixed(0)} %`,
  )
}

function recordsField(valueBytes, compression) {
  const value = Buffer.alloc(valueBytes, 'x')
  const batches = []
  for (let batch = 0; batch < BATCHES; batch++) {
    const builder = new RecordBatchBuilder({ compression, baseOffset: batch * RECORDS_PER_BATCH, initialBytes: 16_384 })
    for (let index = 0; index < RECORDS_PER_BATCH; index++) {
      builder.append({ timestamp: 1_763_000_000_000 + (index >> 3), key: null, value })
    }
    batches.push(builder.build())
  }
  return Buffer.concat(batches)
}

function walk(field, visit) {
  const reader = new RecordBatchReader(field)
  let sum = 0
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    const cursor = batch.open(defaultCompressionCodecs)
    while (cursor.next()) sum += visit(cursor) + cursor.offset
  }
  return sum
}

function walkOffsets(field) {
  const reader = new RecordBatchReader(field)
  let sum = 0
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    const cursor = batch.open(defaultCompressionCodecs)
    for (let offset = cursor.nextOffset(); offset >= 0; offset = cursor.nextOffset()) sum += offset
  }
  return sum
}

function byPosition(cursor) {
  return cursor.bytes[cursor.valueStart] + cursor.bytes[cursor.valueStart + cursor.valueLength - 1]
}

function byView(cursor) {
  const value = cursor.value
  return value[0] + value[value.length - 1]
}

function checksums(field) {
  const reader = new RecordBatchReader(field)
  let good = 0
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) if (batch.crcMatches()) good++
  if (good !== BATCHES) throw new Error(`${good} of ${BATCHES} checksums match`)
  return good
}

function bareLoop(bytes) {
  let sum = 0
  let at = 0
  const varint = () => {
    let raw = 0
    let shift = 0
    let byte
    do {
      byte = bytes[at++]
      raw |= (byte & 127) << shift
      shift += 7
    } while (byte > 127)
    return (raw >>> 1) ^ -(raw & 1)
  }
  while (at < bytes.length) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    const baseOffset = Number(bytes.readBigInt64BE(at))
    at += 61
    while (at < end) {
      const next = varint() + at
      at++
      const timestamp = varint()
      const offset = baseOffset + varint()
      const key = varint()
      if (key > 0) at += key
      const value = varint()
      sum += offset + timestamp + bytes[at] + bytes[at + value - 1]
      at = next
    }
  }
  return sum
}

function jsonRecords(bytes) {
  const texts = []
  for (let index = 0, size = 0; size < bytes; index++) {
    const text = JSON.stringify({
      id: index,
      customer: `customer ${index % 997}`,
      amount: (index * 7919) % 10_007,
      state: 'open',
    })
    texts.push(text)
    size += text.length
  }
  return Buffer.from(texts.join(''))
}

function repeat(times, work) {
  let sum = 0
  for (let index = 0; index < times; index++) sum += work()
  return sum
}

// The best of many rounds: what the machine does besides only ever adds.
function best(work) {
  let seconds = Infinity
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    const began = process.hrtime.bigint()
    if (Number.isNaN(work())) throw new Error('nothing was read')
    const wall = Number(process.hrtime.bigint() - began) / 1e9
    const { user, system } = process.cpuUsage(start)
    seconds = Math.min(seconds, Math.max(wall, (user + system) / 1e6))
  }
  return seconds
}

async function bestAsync(work) {
  let seconds = Infinity
  for (let round = 0; round < rounds; round++) {
    const began = process.hrtime.bigint()
    await work()
    seconds = Math.min(seconds, Number(process.hrtime.bigint() - began) / 1e9)
  }
  return seconds
}
