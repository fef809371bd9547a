import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, KafkaProtocolError, ShareFetch } from '@milena/protocol'
import { allMessages, versionsOf, write, type AnyMessage } from './all-apis.js'
import { arbitraryBody } from './arbitrary-message.js'
import { goldenMessages } from './golden-messages.js'

/** Reads bytes that may be anything; only a KafkaProtocolError may come of it. */
function attempt(message: AnyMessage, version: number, bytes: Buffer): 'read' | 'refused' {
  try {
    message.read(new ByteReader(bytes), version)
    return 'read'
  } catch (error) {
    if (KafkaProtocolError.is(error)) return 'refused'
    throw error
  }
}

describe('bytes that are no message', () => {
  for (const { message } of allMessages) {
    for (const version of versionsOf(message)) {
      it(`are read or refused, and nothing else: ${message.name} v${version}`, () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
            attempt(message, version, Buffer.from(bytes))
          }),
          { numRuns: 60 },
        )
      })

      it(`are refused wherever a message is cut off: ${message.name} v${version}`, () => {
        fc.assert(
          fc.property(
            arbitraryBody(message, version),
            fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
            (body, at) => {
              const whole = write(message, version, body)
              const length = Math.floor(whole.length * at)
              expect(attempt(message, version, whole.subarray(0, length))).toBe(
                length === whole.length ? 'read' : 'refused',
              )
            },
          ),
          { numRuns: 25 },
        )
      })
    }

    it(`are read or refused when one byte of a real message is another: ${message.name}`, () => {
      const cases = goldenMessages(message.name).cases.filter(
        ({ version }) => version >= message.minVersion && version <= message.maxVersion,
      )
      fc.assert(
        fc.property(
          fc.constantFrom(...cases),
          fc.nat(),
          fc.integer({ min: 0, max: 255 }),
          ({ hex, version }, at, byte) => {
            const bytes = Buffer.from(hex, 'hex')
            if (bytes.length > 0) bytes[at % bytes.length] = byte
            attempt(message, version, bytes)
          },
        ),
        { numRuns: 200 },
      )
    })
  }

  it('allocate nothing on their word: an array that claims four thousand million elements is refused at once', () => {
    const claimed = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])
    const head = write(ShareFetch.request, 2, {
      memberId: 'm',
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      minBytes: 0,
      maxRecords: 0,
      batchSize: 0,
      topics: [],
      forgottenTopicsData: [],
    })
    // The three last bytes are the two empty arrays and the count of tagged fields.
    const bytes = Buffer.concat([head.subarray(0, -3), claimed, Buffer.alloc(100)])
    expect(() => ShareFetch.request.read(new ByteReader(bytes), 2)).toThrow(
      /^ShareFetchRequest\.topics claims 4294967294 elements, but only 100 bytes are left\.$/,
    )
  })

  it('allocate nothing on their word: elements that cannot fit into what is left are not begun', () => {
    // Each forgotten topic takes 18 bytes at least: 16 of the id, its partitions and its tags.
    const head = write(ShareFetch.request, 2, {
      memberId: 'm',
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      minBytes: 0,
      maxRecords: 0,
      batchSize: 0,
      topics: [],
      forgottenTopicsData: [],
    })
    const bytes = Buffer.concat([head.subarray(0, -2), Buffer.from([11]), Buffer.alloc(10 * 18 - 1)])
    expect(() => ShareFetch.request.read(new ByteReader(bytes), 2)).toThrow(/forgottenTopicsData claims 10 elements/)
  })

  it('may claim any number of tagged fields, and are refused when those cannot be there', () => {
    const head = write(ShareFetch.request, 2, {
      memberId: 'm',
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      minBytes: 0,
      maxRecords: 0,
      batchSize: 0,
      topics: [],
      forgottenTopicsData: [],
    })
    const bytes = Buffer.concat([head.subarray(0, -1), Buffer.from([0xff, 0xff, 0x03]), Buffer.alloc(50)])
    expect(() => ShareFetch.request.read(new ByteReader(bytes), 2)).toThrow(
      /claims 65535 tagged fields, but only 50 bytes/,
    )
  })
})
