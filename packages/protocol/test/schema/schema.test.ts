import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type ApiVersions,
  ByteReader,
  ByteWriter,
  FindCoordinator,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  Metadata,
  Produce,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
  ZERO_UUID,
  type RequestInput,
  type RequestOf,
  type ResponseInput,
  type ResponseOf,
} from '@milena/protocol'
import { array, field } from '../../src/schema/schema.js'
import { defineApi } from '../../src/schema/api.js'
import { read, write } from '../messages/all-apis.js'

const fetch: RequestInput<typeof ShareFetch> = {
  groupId: 'g',
  memberId: 'm',
  shareSessionEpoch: 3,
  maxWaitMs: 500,
  minBytes: 1,
  maxRecords: 500,
  batchSize: 500,
  topics: [],
  forgottenTopicsData: [],
}

/** All that a schema can say, in a message that Kafka does not have. Flexible from 2 on. */
const Sample = defineApi({
  key: 999,
  name: 'Sample',
  minVersion: 0,
  maxVersion: 3,
  flexible: '2+',
  request: {
    text: field('0+', 'string', { nullable: '1+' }),
    bytes: field('0+', 'bytes', { nullable: '1+' }),
    list: field('0+', array('int16'), { nullable: '1+' }),
    struct: field('1+', { inner: field('1+', 'int32') }, { nullable: '1+', default: null }),
    float: field('3+', 'float64', { default: 1.5 }),
    port: field('3+', 'uint16', { ignorable: true }),
    later: field('2+', array({ id: field('2+', 'uuid') })),
    early: field('0-1', 'bool', { default: true }),
    tagged: field('2+', { a: field('2+', 'int8', { default: 7 }), b: field('2+', 'string') }, { tag: 5 }),
    taggedText: field('2+', 'string', { tag: 1, nullable: '2+', default: null }),
  },
  response: {},
})
const sample = { text: 't', bytes: Buffer.from([1, 2]), list: [1, -2] }

/** A struct that came later, and in which something came with it. */
const Nested = defineApi({
  key: 998,
  name: 'Nested',
  minVersion: 0,
  maxVersion: 1,
  flexible: '1+',
  request: {
    always: field('0+', 'int8'),
    inner: field('1+', {
      list: field('1+', array('int32')),
      deeper: field('1+', {
        on: field('1+', 'bool'),
        id: field('1+', 'uuid'),
        rack: field('1+', 'string', { nullable: '1+', default: null }),
      }),
    }),
  },
  response: {},
})

describe('a value that the version has no place for', () => {
  it('is an error that names the field, the value and what it needs, never dropped', () => {
    const renewal = () => write(ShareFetch.request, 1, { ...fetch, isRenewAck: true })
    expect(renewal).toThrow(/^ShareFetchRequest\.isRenewAck was given true, but .* version 1, .*needs 2\+/)
    expect(KafkaUnsupportedVersionError.is(thrownBy(renewal))).toBe(true)
    expect(() =>
      write(ShareAcknowledge.request, 1, { memberId: 'm', shareSessionEpoch: 1, isRenewAck: true, topics: [] }),
    ).toThrow(/ShareAcknowledgeRequest\.isRenewAck/)
  })

  it('is no error when it says the default', () => {
    expect(write(ShareFetch.request, 1, { ...fetch, isRenewAck: false })).toEqual(write(ShareFetch.request, 1, fetch))
  })

  it('is dropped where Kafka calls the field ignorable', () => {
    expect(write(ShareFetch.request, 1, { ...fetch, shareAcquireMode: 1 })).toEqual(write(ShareFetch.request, 1, fetch))
  })

  it('is an error inside arrays and structs as well, named by its path', () => {
    expect(() => write(Sample.request, 1, { ...sample, later: [{ id: ZERO_UUID }] })).toThrow(
      /SampleRequest\.later was given a value/,
    )
    expect(() => write(Sample.request, 1, { ...sample, tagged: { a: 7, b: 'x' } })).toThrow(
      /SampleRequest\.tagged was given/,
    )
    expect(() => write(Sample.request, 1, { ...sample, tagged: { a: 7, b: '' }, later: [] })).not.toThrow()
    expect(() => write(Sample.request, 2, { ...sample, early: false, later: [] })).toThrow(
      /SampleRequest\.early was given false.*0-1/,
    )
  })
})

describe('a field that the version does not have', () => {
  it('reads as its default', () => {
    expect(read(Sample.request, 0, write(Sample.request, 0, sample))).toEqual({
      ...sample,
      struct: null,
      float: 1.5,
      port: 0,
      later: [],
      early: true,
      tagged: { a: 7, b: '' },
      taggedText: null,
    })
  })

  it('reads as a new object each time, so that no two messages share one', () => {
    const bytes = write(Sample.request, 0, sample)
    const [one, other] = [read(Sample.request, 0, bytes), read(Sample.request, 0, bytes)] as RequestOf<typeof Sample>[]
    expect(one?.tagged).not.toBe(other?.tagged)
    expect(one?.later).not.toBe(other?.later)
  })

  it('does not change the order of the fields', () => {
    const fields = (version: number, more: object) =>
      Object.keys(read(Sample.request, version, write(Sample.request, version, { ...sample, ...more })) as object)
    expect(fields(3, { later: [], port: 1 })).toEqual(fields(0, {}))
  })
})

describe('a field that was left out', () => {
  it('is its default, or null where that is allowed', () => {
    const heartbeat = { groupId: 'g', memberId: 'm', memberEpoch: 1 }
    expect(read(ShareGroupHeartbeat.request, 1, write(ShareGroupHeartbeat.request, 1, heartbeat))).toEqual({
      ...heartbeat,
      rackId: null,
      subscribedTopicNames: null,
    })
    expect(read(ShareFetch.request, 2, write(ShareFetch.request, 2, fetch))).toMatchObject({
      maxBytes: 0x7fffffff,
      shareAcquireMode: 0,
      isRenewAck: false,
    })
    expect(read(Sample.request, 1, write(Sample.request, 1, {}))).toMatchObject({
      text: null,
      bytes: null,
      list: null,
    })
  })

  it('is an error that names it when it has no default', () => {
    const { maxRecords: _, ...incomplete } = fetch
    const left = () => write(ShareFetch.request, 2, incomplete)
    expect(left).toThrow(
      'ShareFetchRequest.maxRecords has no default in version 2: give a whole number from -2147483648 to 2147483647.',
    )
    expect(KafkaUsageError.is(thrownBy(left))).toBe(true)
    expect(() => write(Produce.request, 13, { acks: -1, timeoutMs: 1, topicData: [{}] })).toThrow(
      /ProduceRequest\.topicData\[\]\.partitionData has no default/,
    )
  })

  it('is nothing of its kind where not every version has it, or may have it as null', () => {
    expect(read(Sample.request, 0, write(Sample.request, 0, {}))).toMatchObject({
      text: '',
      bytes: Buffer.alloc(0),
      list: [],
    })
    expect(read(Sample.request, 3, write(Sample.request, 3, {}))).toMatchObject({ port: 0, later: [], float: 1.5 })
    const nameless = { acks: -1, timeoutMs: 1, topicData: [{ partitionData: [] }] }
    for (const version of [12, 13]) {
      expect(read(Produce.request, version, write(Produce.request, version, nameless))).toMatchObject({
        topicData: [{ name: '', topicId: ZERO_UUID, partitionData: [] }],
      })
    }
  })

  it('is a struct of nothings where that is the struct that was left out', () => {
    const body = { always: 1 }
    expect(read(Nested.request, 1, write(Nested.request, 1, body))).toEqual({
      always: 1,
      inner: { list: [], deeper: { on: false, id: ZERO_UUID, rack: null } },
    })
  })

  it('is refused all the same when it is given as a wrong value', () => {
    expect(() => write(Sample.request, 3, { port: null })).toThrow(/SampleRequest\.port must be a whole number/)
    expect(() => write(Sample.request, 3, { later: [{}] })).not.toThrow()
    expect(() => write(Sample.request, 3, { later: [null] })).toThrow(/SampleRequest\.later\[\] must be an object/)
    expect(() => write(Nested.request, 1, { inner: { list: [] } })).toThrow(/NestedRequest\.always has no default/)
  })
})

describe('null', () => {
  it('is refused, with the path of the field, where the version does not allow it', () => {
    expect(() => write(ShareGroupHeartbeat.request, 1, { groupId: null, memberId: 'm', memberEpoch: 0 })).toThrow(
      'ShareGroupHeartbeatRequest.groupId must be a value in version 1, not null.',
    )
    for (const [name, value] of Object.entries({ text: null, bytes: null, list: null })) {
      expect(() => write(Sample.request, 0, { ...sample, [name]: value })).toThrow(
        `SampleRequest.${name} must be a value`,
      )
    }
    expect(() =>
      write(Metadata.request, 12, { topics: [{ topicId: null, name: 'n' }], includeTopicAuthorizedOperations: false }),
    ).toThrow(/MetadataRequest\.topics\[\]\.topicId must be a UUID/)
    expect(() => write(FindCoordinator.request, 4, { coordinatorKeys: [null] })).toThrow(
      /coordinatorKeys\[\] must be a value/,
    )
    expect(() => write(ShareFetch.request, 2, { ...fetch, topics: [null] })).toThrow(
      /ShareFetchRequest\.topics\[\] must be an object/,
    )
  })

  it('travels in old and in flexible encodings, for texts, bytes, arrays and structs', () => {
    for (const version of [1, 2, 3]) {
      const present = { later: version >= 2 ? [{ id: ZERO_UUID }] : [], port: version >= 3 ? 9092 : 0 }
      const body = { ...present, text: null, bytes: null, list: null, struct: null }
      expect(read(Sample.request, version, write(Sample.request, version, body))).toMatchObject(body)
      const full = { ...present, ...sample, struct: { inner: -5 } }
      expect(read(Sample.request, version, write(Sample.request, version, full))).toMatchObject(full)
    }
  })

  it('is told by a length of -1, and by no other', () => {
    expect(() => read(Sample.request, 1, Buffer.from('fffe', 'hex'))).toThrow(
      'SampleRequest.text claims a length of -2.',
    )
    expect(() => read(Sample.request, 1, Buffer.from('ffff80000000', 'hex'))).toThrow(
      /SampleRequest\.bytes claims a length of -2147483648/,
    )
    expect(() => read(Sample.request, 1, Buffer.from('fffffffffffffffffffe', 'hex'))).toThrow(
      /SampleRequest\.list claims a length of -2/,
    )
  })

  it('is refused in bytes where the version does not allow it', () => {
    expect(() => read(Sample.request, 0, Buffer.from('ffff', 'hex'))).toThrow(
      'SampleRequest.text is null, which version 0 does not allow.',
    )
    expect(() => read(Sample.request, 0, Buffer.from('0000ffffffff', 'hex'))).toThrow(/SampleRequest\.bytes is null/)
    expect(() => read(Sample.request, 0, Buffer.from('0000fffffffe', 'hex'))).toThrow(
      /SampleRequest\.bytes claims a length of -2/,
    )
    expect(() => read(Sample.request, 0, Buffer.from('000000000000ffffffff', 'hex'))).toThrow(
      /SampleRequest\.list is null/,
    )
  })
})

describe('a value of the wrong kind or out of range', () => {
  const wrong: ReadonlyArray<[field: string, value: unknown]> = [
    ['shareAcquireMode', 128],
    ['shareAcquireMode', -129],
    ['maxWaitMs', 2 ** 31],
    ['maxWaitMs', 1.5],
    ['maxWaitMs', NaN],
    ['maxWaitMs', '500'],
    ['isRenewAck', 1],
    ['groupId', 7],
    ['groupId', 'x'.repeat(32_768)],
    ['topics', {}],
    ['topics', 7],
    ['topics', 'text'],
    ['topics', [7]],
    ['topics', [{ topicId: 'short', partitions: [] }]],
    ['topics', [{ topicId: '!!!!!!!!!!!!!!!!!!!!!!', partitions: [] }]],
    ['topics', [{ topicId: 7, partitions: [] }]],
  ]
  for (const [name, value] of wrong) {
    it(`is refused with the field's name: ${name} = ${JSON.stringify(value)?.slice(0, 60)}`, () => {
      const error = thrownBy(() => write(ShareFetch.request, 2, { ...fetch, [name]: value }))
      expect(KafkaUsageError.is(error)).toBe(true)
      expect(String((error as Error).message)).toContain(`ShareFetchRequest.${name}`)
    })
  }

  it('is refused for int64, float64, uint16 and bytes as well', () => {
    const offset = (firstOffset: unknown) => ({
      ...fetch,
      topics: [
        {
          topicId: ZERO_UUID,
          partitions: [
            { partitionIndex: 0, acknowledgementBatches: [{ firstOffset, lastOffset: 1, acknowledgeTypes: [1] }] },
          ],
        },
      ],
    })
    expect(() => write(ShareFetch.request, 2, offset(0.5))).toThrow(/acknowledgementBatches\[\]\.firstOffset/)
    expect(() => write(ShareFetch.request, 2, offset(2 ** 64))).toThrow(/firstOffset/)
    expect(() => write(ShareFetch.request, 2, offset(1n))).toThrow(/firstOffset/)
    expect(() => write(Sample.request, 3, { ...sample, later: [], float: 'x' })).toThrow(
      /SampleRequest\.float must be a number/,
    )
    expect(() => write(Sample.request, 3, { ...sample, later: [], port: 65_536 })).toThrow(/SampleRequest\.port/)
    expect(() => write(Sample.request, 3, { ...sample, later: [], bytes: 'x' })).toThrow(
      /SampleRequest\.bytes must be a Buffer/,
    )
  })

  it('is refused when the whole body is none', () => {
    expect(() => write(ShareFetch.request, 2, undefined)).toThrow(/ShareFetchRequest/)
    expect(() => write(ShareFetch.request, 2, null)).toThrow(/ShareFetchRequest must be an object/)
  })
})

describe('arrays of numbers', () => {
  it('are written from typed arrays as well', () => {
    const acknowledging = (acknowledgeTypes: ArrayLike<number>): RequestInput<typeof ShareAcknowledge> => ({
      memberId: 'm',
      shareSessionEpoch: 1,
      topics: [
        {
          topicId: ZERO_UUID,
          partitions: [
            { partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 0, lastOffset: 2, acknowledgeTypes }] },
          ],
        },
      ],
    })
    const plain = write(ShareAcknowledge.request, 2, acknowledging([1, 2, 3]))
    expect(write(ShareAcknowledge.request, 2, acknowledging(Uint8Array.of(1, 2, 3)))).toEqual(plain)
    expect(write(ShareAcknowledge.request, 2, acknowledging(Int8Array.of(1, 2, 3)))).toEqual(plain)
  })
})

describe('tagged fields', () => {
  const given = { ...sample, later: [], taggedText: 'later', tagged: { a: 8, b: '' } }

  it('travel in the order of their numbers, and only when they say something', () => {
    const bytes = write(Sample.request, 2, given).toString('hex')
    expect(
      bytes.endsWith(`02${'01' + '06' + '06' + Buffer.from('later').toString('hex')}${'05' + '03' + '080100'}`),
    ).toBe(true)
    expect(
      write(Sample.request, 2, { ...sample, later: [] })
        .toString('hex')
        .endsWith('00'),
    ).toBe(true)
    expect(write(Sample.request, 2, { ...given, tagged: { a: 7, b: '' }, taggedText: null })).toEqual(
      write(Sample.request, 2, { ...sample, later: [] }),
    )
  })

  it('are read in any order, and default when they are not there', () => {
    const head = write(Sample.request, 2, { ...sample, later: [] }).subarray(0, -1)
    const text = Buffer.from([1, 2, 2, 0x78])
    const struct = Buffer.from([5, 3, 9, 1, 0])
    const readBack = (...tags: Buffer[]) =>
      read(Sample.request, 2, Buffer.concat([head, Buffer.from([tags.length]), ...tags]))
    expect(readBack(struct, text)).toMatchObject({ taggedText: 'x', tagged: { a: 9, b: '' } })
    expect(readBack(text, struct)).toEqual(readBack(struct, text))
    expect(readBack()).toMatchObject({ taggedText: null, tagged: { a: 7, b: '' } })
  })

  it('are skipped when nobody knows them, also inside structs', () => {
    const head = write(Sample.request, 2, { ...sample, later: [] }).subarray(0, -1)
    const withUnknown = Buffer.concat([head, Buffer.from([2, 3, 2, 0xaa, 0xbb, 5, 6, 9, 1, 1, 42, 1, 0xff])])
    expect(read(Sample.request, 2, withUnknown)).toMatchObject({ tagged: { a: 9, b: '' } })
  })

  it('are refused when they take more or fewer bytes than they claim', () => {
    const head = write(Sample.request, 2, { ...sample, later: [] }).subarray(0, -1)
    expect(() => read(Sample.request, 2, Buffer.concat([head, Buffer.from([1, 1, 3, 2, 0x78, 0])]))).toThrow(
      /SampleRequest\.taggedText claims 3 bytes/,
    )
    expect(() => read(Sample.request, 2, Buffer.concat([head, Buffer.from([1, 1, 1, 2, 0x78, 0])]))).toThrow(
      /SampleRequest\.taggedText claims 1 bytes/,
    )
    expect(() => read(Sample.request, 2, Buffer.concat([head, Buffer.from([1, 9, 100, 0])]))).toThrow(
      /100 bytes are needed/,
    )
  })
})

describe('a text', () => {
  it('of more than 32767 bytes is refused, whatever its encoding could say', () => {
    const writer = new ByteWriter()
    writer.uvarint(40_001)
    const bytes = Buffer.concat([writer.toBuffer(), Buffer.alloc(40_000, 'x')])
    expect(() => read(ShareFetch.request, 2, bytes)).toThrow(
      'ShareFetchRequest.groupId claims a text of 40000 bytes; 32767 is the most.',
    )
  })

  it('counts in bytes, not in characters', () => {
    expect(() => write(ShareFetch.request, 2, { ...fetch, groupId: 'é'.repeat(16_383) })).not.toThrow()
    expect(() => write(ShareFetch.request, 2, { ...fetch, groupId: 'é'.repeat(16_384) })).toThrow(/takes 32768 bytes/)
  })
})

describe('records', () => {
  it('are a view of the frame, not a copy', () => {
    const partition = {
      partitionIndex: 0,
      errorCode: 0,
      acknowledgeErrorCode: 0,
      currentLeader: { leaderId: 0, leaderEpoch: 0 },
      records: Buffer.from('batches'),
      acquiredRecords: [],
    }
    const body: ResponseInput<typeof ShareFetch> = {
      throttleTimeMs: 0,
      errorCode: 0,
      acquisitionLockTimeoutMs: 30_000,
      responses: [{ topicId: ZERO_UUID, partitions: [partition] }],
      nodeEndpoints: [],
    }
    const bytes = write(ShareFetch.response, 2, body)
    const { records } =
      (read(ShareFetch.response, 2, bytes) as ResponseOf<typeof ShareFetch>).responses[0]?.partitions[0] ?? partition
    expect(records.toString()).toBe('batches')
    bytes[bytes.indexOf('batches')] = 0x42
    expect(records.toString()).toBe('Batches')
  })
})

describe('a version', () => {
  it('that the schema does not have is a usage error', () => {
    expect(() => write(ShareFetch.request, 3, fetch)).toThrow(
      'ShareFetchRequest is known in versions 1 to 2, not in 3.',
    )
    expect(() => ShareFetch.response.read(new ByteReader(Buffer.alloc(0)), 0)).toThrow(KafkaUsageError)
  })
})

describe('the types', () => {
  it('follow from the schema', () => {
    expectTypeOf<RequestOf<typeof ShareFetch>['maxBytes']>().toEqualTypeOf<number>()
    expectTypeOf<RequestOf<typeof ShareFetch>['groupId']>().toEqualTypeOf<string | null>()
    expectTypeOf<
      ResponseOf<typeof ShareFetch>['responses'][number]['partitions'][number]['records']
    >().toEqualTypeOf<Buffer>()
    expectTypeOf<ResponseOf<typeof ShareGroupHeartbeat>['assignment']>().toEqualTypeOf<{
      readonly topicPartitions: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]
    } | null>()
  })

  it('let be left out what has a default, may be null, is tagged or is not in every version, and nothing else', () => {
    expectTypeOf<{ groupId: string; memberId: string; memberEpoch: number }>().toExtend<
      RequestInput<typeof ShareGroupHeartbeat>
    >()
    expectTypeOf<{ groupId: string; memberId: string }>().not.toExtend<RequestInput<typeof ShareGroupHeartbeat>>()
    expectTypeOf<Record<never, never>>().toExtend<RequestInput<typeof ApiVersions>>()
    expectTypeOf<Record<never, never>>().toExtend<RequestInput<typeof FindCoordinator>>()
    expectTypeOf<{ acks: number; timeoutMs: number; topicData: [{ name: string; partitionData: [] }] }>().toExtend<
      RequestInput<typeof Produce>
    >()
    expectTypeOf<{ acks: number; timeoutMs: number; topicData: [{ name: string }] }>().not.toExtend<
      RequestInput<typeof Produce>
    >()
  })
})

function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}
