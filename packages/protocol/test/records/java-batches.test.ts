import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  compressionTypeOf,
  defaultCompressionCodecs,
  RecordBatchBuilder,
  type CompressionName,
  type RecordBatch,
} from '@milena/protocol'
import { goldenBatches, type DescribedBatch } from './golden-batches.js'
import { describeBatch, onlyBatch, slices } from './read-batches.js'

const compressions: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

describe('record batches that Java has written', () => {
  for (const compression of compressions) {
    describe(`with compression ${compression}`, () => {
      for (const golden of goldenBatches(compression)) {
        it(`are read as Java reads them: ${golden.shape}`, async () => {
          const read = slices(golden.bytes)
          for (const { batch } of read) expect(batch.crcMatches()).toBe(true)
          expect(await Promise.all(read.map(({ batch, bytes }) => describeBatch(batch, bytes)))).toEqual(golden.batches)
        })
      }
    })
  }

  it('say which control record they hold', async () => {
    const types: Array<number | undefined> = []
    for (const { shape, bytes } of goldenBatches('none')) {
      if (!shape.startsWith('control')) continue
      const cursor = await onlyBatch(bytes).open(defaultCompressionCodecs)
      cursor.next()
      types.push(cursor.controlRecordType())
    }
    expect(types).toEqual([1, 0])
  })

  describe('are written again to the same bytes', () => {
    for (const golden of goldenBatches('none')) {
      it(golden.shape, async () => {
        const again = await Promise.all(slices(golden.bytes).map(({ batch, bytes }) => rewritten(batch, bytes)))
        expect(Buffer.concat(again).toString('hex')).toBe(golden.bytes.toString('hex'))
      })
    }
  })
})

describe('record batches that we have written', () => {
  let java: Awaited<ReturnType<typeof decodedByJava>>
  const written: Array<{ readonly name: string; readonly expected: DescribedBatch; readonly bytes: Buffer }> = []

  beforeAll(async () => {
    for (const compression of compressions) {
      for (const golden of [...goldenBatches('none'), ...goldenBatches('zstd').slice(-1)]) {
        for (const { batch, bytes } of slices(golden.bytes)) {
          if (batch.isControl || batch.recordCount === 0) continue
          const ours = await rewritten(batch, bytes, compression)
          const expected = await describeBatch(onlyBatch(ours), ours)
          written.push({ name: `${compression}: ${golden.shape}`, expected, bytes: ours })
        }
      }
    }
    java = await decodedByJava(written.map(({ bytes }) => bytes))
  }, 180_000)

  it('are read by Java as they were meant, in every codec', (context) => {
    if (typeof java === 'string') {
      if (process.env['MILENA_REQUIRE_KAFKA'] === '1') throw new Error(`MILENA_REQUIRE_KAFKA=1, but ${java}`)
      context.skip(java)
      return
    }
    expect(java).toHaveLength(written.length)
    for (const [index, { name, expected }] of written.entries()) {
      expect({ name, batches: java[index] }).toEqual({ name, batches: [expected] })
    }
  })
})

/** The batch anew through the builder; uncompressed unless said otherwise. */
async function rewritten(batch: RecordBatch, bytes: Buffer, compression: CompressionName = 'none'): Promise<Buffer> {
  // A batch of type logAppend shows one timestamp for all; the producer's own are still in it, behind the flag.
  const asCreated = Buffer.from(bytes)
  asCreated.writeInt16BE(bytes.readInt16BE(21) & ~0x08, 21)
  const cursor = await onlyBatch(asCreated).open(defaultCompressionCodecs)
  const builder = new RecordBatchBuilder({
    compression: compressionTypeOf(compression) ?? 0,
    baseOffset: batch.baseOffset,
    initialBytes: 61,
    ...(batch.deleteHorizonMs === undefined ? {} : { deleteHorizonMs: batch.deleteHorizonMs }),
  })
  while (cursor.next()) {
    const { timestamp, key, value, offset } = cursor
    const record = { timestamp, key, value, offset, headers: cursor.headers() }
    const estimate = builder.estimateAfter(record)
    builder.append(record)
    expect(builder.sizeInBytes).toBe(estimate)
  }
  return builder.build({
    lastOffset: batch.lastOffset,
    leaderEpoch: batch.leaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    ...(batch.timestampType === 'logAppend' ? { logAppendTime: batch.maxTimestamp } : {}),
    ...(batch.recordCount === 0 ? { maxTimestamp: batch.maxTimestamp } : {}),
  })
}

/** What Kafka's own decoder makes of each batch; a sentence where Java or Maven is missing here. */
async function decodedByJava(
  batches: readonly Buffer[],
): Promise<ReadonlyArray<readonly DescribedBatch[] | string> | string> {
  const pom = fileURLToPath(new URL('../../../../tools/golden/pom.xml', import.meta.url))
  const maven = spawn('mvn', ['-q', '-B', '-f', pom, 'compile', 'exec:java', '-Dexec.args=decode'], { stdio: 'pipe' })
  const ended = new Promise<number | string>((resolve) => {
    maven.on('error', (cause) => resolve(`Maven (mvn) does not run here: ${cause.message}`))
    maven.on('close', (code) => resolve(code ?? -1))
  })
  maven.stdin.on('error', () => undefined) // it has ended already; its exit says why
  maven.stdin.end(`${batches.map((bytes) => bytes.toString('hex')).join('\n')}\n`)
  const [code, answers, complaints] = await Promise.all([ended, text(maven.stdout), text(maven.stderr)])
  if (typeof code === 'string') return code
  if (code !== 0)
    return `Kafka's decoder (tools/golden) does not run here: ${complaints.slice(0, 500) || answers.slice(0, 500)}`
  return (
    answers
      .split('\n')
      .filter((line) => line.includes('{'))
      // Maven puts its colour codes in front of the first line.
      .map(
        (line) =>
          JSON.parse(line.slice(line.indexOf('{'))) as {
            readonly batches?: readonly DescribedBatch[]
            readonly error?: string
          },
      )
      .map((answer) => answer.batches ?? answer.error ?? 'no answer')
  )
}
