import { describe, expect, it } from 'vitest'
import { KafkaProtocolError } from '@milena/protocol'
import { snappyBlocks } from '../../../src/records/compression/snappy.js'

const streamHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const literalA = Buffer.from([1, 0, 65])

function stream(...blocks: readonly Buffer[]): Buffer {
  return Buffer.concat([streamHeader, ...blocks.flatMap((block) => [Buffer.from([0, 0, 0, block.length]), block])])
}

describe('snappy bytes', () => {
  it('are the blocks of a stream, or one bare block', () => {
    expect(snappyBlocks(literalA, 10)).toEqual([literalA])
    expect(snappyBlocks(stream(literalA, literalA), 10)).toEqual([literalA, literalA])
    expect(snappyBlocks(stream(), 10)).toEqual([])
  })

  it('may be streams one after the other', () => {
    expect(snappyBlocks(Buffer.concat([stream(literalA), stream(literalA)]), 10)).toEqual([literalA, literalA])
  })

  it('are refused where the blocks together are larger than allowed', () => {
    expect(() => snappyBlocks(stream(literalA, literalA, literalA), 2)).toThrow(/3 bytes/)
  })

  it('are refused where so few bytes cannot hold what they claim', () => {
    expect(() => snappyBlocks(Buffer.from([0xff, 0xff, 0xff, 0x3f, 0, 65]), 2 ** 40)).toThrow(
      /block of 6 bytes claims to hold 134217727/,
    )
  })

  it('are refused where a block is cut off or does not say its size', () => {
    for (const bytes of [
      stream(literalA).subarray(0, -1),
      Buffer.concat([stream(literalA), Buffer.from([0, 0])]),
      Buffer.alloc(0),
      Buffer.alloc(6, 0xff),
    ]) {
      expect(() => snappyBlocks(bytes, 100)).toThrow(KafkaProtocolError)
    }
  })
})
