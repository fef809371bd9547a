import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameSplitter, KafkaProtocolError, KafkaUsageError } from '@milena/protocol'

function framed(...bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(body.length)
      return [size, body]
    }),
  )
}

function split(chunks: readonly Buffer[], maxFrameBytes = 1000): Buffer[] {
  const frames: Buffer[] = []
  const splitter = new FrameSplitter({ maxFrameBytes })
  for (const chunk of chunks) splitter.push(chunk, (frame) => frames.push(frame))
  return frames
}

describe('a frame splitter', () => {
  it('gives the frames that were sent, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 80 }),
        (bodies, cuts) => {
          let stream = framed(...bodies)
          const chunks: Buffer[] = []
          for (const cut of cuts) {
            chunks.push(stream.subarray(0, cut))
            stream = stream.subarray(cut)
          }
          expect(split([...chunks, stream])).toEqual(bodies.map((body) => Buffer.from(body)))
        },
      ),
    )
  })

  it('gives the frames that were sent, with every pair of cuts', () => {
    const bodies = [Buffer.from('first'), Buffer.alloc(0), Buffer.from('the third one')]
    const stream = framed(...bodies)
    for (let one = 0; one <= stream.length; one++) {
      for (let other = one; other <= stream.length; other++) {
        expect(split([stream.subarray(0, one), stream.subarray(one, other), stream.subarray(other)])).toEqual(bodies)
      }
    }
  })

  it('gives the frames that were sent, byte by byte', () => {
    const bodies = [Buffer.from('first'), Buffer.from('second')]
    expect(split([...framed(...bodies)].map((byte) => Buffer.from([byte])))).toEqual(bodies)
  })

  it('does not copy a frame that lies in one chunk, and copies one that spans several into a buffer of its length', () => {
    const stream = framed(Buffer.from('whole'), Buffer.from('cut in two'))
    const tail = stream.subarray(stream.length - 4)
    const [whole, joined] = split([stream.subarray(0, -4), tail])
    expect(whole?.buffer).toBe(stream.buffer)
    expect(joined?.buffer).not.toBe(stream.buffer)
    expect(joined?.buffer.byteLength).toBe('cut in two'.length)
  })

  it('gives a frame that is larger than what is reserved at first, in chunks of any size', () => {
    const body = Buffer.alloc(5_000_001)
    for (let i = 0; i < body.length; i += 997) body[i] = i % 251
    const stream = framed(body, Buffer.from('next'))
    for (const length of [4_096, 65_536, 1_048_576, 3_000_000]) {
      const chunks = Array.from({ length: Math.ceil(stream.length / length) }, (_, i) =>
        stream.subarray(i * length, (i + 1) * length),
      )
      const [large, next] = split(chunks, 10_000_000)
      expect(large?.equals(body)).toBe(true)
      expect(large?.buffer.byteLength).toBe(body.length)
      expect(String(next)).toBe('next')
    }
  })

  it('takes little memory for a large frame that is announced and does not come', () => {
    const before = process.memoryUsage().arrayBuffers
    const splitters = Array.from({ length: 100 }, () => {
      const splitter = new FrameSplitter({ maxFrameBytes: 100_000_000 })
      splitter.push(Buffer.from([0x05, 0xf5, 0xe1, 0x00, 1, 2, 3]), () => undefined)
      return splitter
    })
    expect(splitters).toHaveLength(100)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000_000)
  })

  it('refuses a frame over the limit as soon as its size is there, and every push after it', () => {
    const splitter = new FrameSplitter({ maxFrameBytes: 10 })
    const frames: Buffer[] = []
    const push = (chunk: Buffer) => splitter.push(chunk, (frame) => frames.push(frame))
    push(framed(Buffer.alloc(10)))
    const header = Buffer.from([0, 0, 0, 11])
    push(header.subarray(0, 3))
    expect(() => push(header.subarray(3))).toThrow(/^A frame of 11 bytes is announced, and 10 are allowed/)
    expect(() => push(framed(Buffer.alloc(1)))).toThrow(KafkaProtocolError)
    expect(frames).toHaveLength(1)
  })

  it('refuses a negative size, and what another protocol says', () => {
    expect(() => split([Buffer.from('ffffffff', 'hex')])).toThrow(
      /^A frame of -1 bytes is announced: the peer does not speak/,
    )
    expect(() => split([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])).toThrow(KafkaProtocolError)
  })

  it('goes on with the next frame when a frame is handed over in the middle of a chunk and the receiver pushes no more', () => {
    const splitter = new FrameSplitter({ maxFrameBytes: 100 })
    const stream = framed(Buffer.from('one'), Buffer.from('two'))
    const frames: string[] = []
    splitter.push(stream.subarray(0, 9), (frame) => frames.push(frame.toString()))
    splitter.push(stream.subarray(9), (frame) => frames.push(frame.toString()))
    expect(frames).toEqual(['one', 'two'])
  })

  it('wants a limit', () => {
    expect(() => new FrameSplitter({ maxFrameBytes: 0 })).toThrow(KafkaUsageError)
    expect(() => new FrameSplitter({ maxFrameBytes: NaN })).toThrow(KafkaUsageError)
  })
})
