import { describe, expect, it } from 'vitest'
import {
  ApiVersions,
  correlationIdOf,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  FindCoordinator,
  KafkaProtocolError,
  KafkaUsageError,
  ShareFetch,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import { goldenMessages } from '../messages/golden-messages.js'

const heartbeat = { groupId: 'g', memberId: 'm', memberEpoch: 0 }
const answer = { throttleTimeMs: 0, errorCode: 0, memberEpoch: 1, heartbeatIntervalMs: 5000 }

describe('a request', () => {
  it('is a whole frame: size, header, body', () => {
    const frame = encodeRequest(ShareGroupHeartbeat, { version: 1, correlationId: 7, clientId: 'me', body: heartbeat })
    expect(frame.readInt32BE(0)).toBe(frame.length - 4)
    expect(frame.toString('hex', 4)).toBe(
      '004c000100000007' + '00026d65' + '00' + '02670' + '26d' + '00000000' + '0000' + '00',
    )
  })

  it('is read again by the other side', () => {
    const frame = encodeRequest(ShareGroupHeartbeat, {
      version: 1,
      correlationId: -5,
      clientId: null,
      body: heartbeat,
    }).subarray(4)
    expect(decodeRequestHeader(frame)).toEqual({ apiKey: 76, apiVersion: 1, correlationId: -5, clientId: null })
    expect(decodeRequest(ShareGroupHeartbeat, 1, frame)).toEqual({
      ...heartbeat,
      rackId: null,
      subscribedTopicNames: null,
    })
  })

  it('has the header that Java writes: version 2 where the message is flexible, version 1 before', () => {
    for (const { version, json, hex } of goldenMessages('RequestHeader').cases) {
      const { correlationId, clientId } = json as { readonly correlationId: number; readonly clientId: string | null }
      const message = encodeRequest(ApiVersions, {
        version: version === 2 ? 3 : 0,
        correlationId,
        clientId,
        body: { clientSoftwareName: 's', clientSoftwareVersion: 'v' },
      })
      const header = Buffer.from(hex, 'hex')
      expect(message.toString('hex', 8, 4 + header.length)).toBe(header.toString('hex', 4))
      expect(message.length).toBe(4 + header.length + (version === 2 ? 5 : 0))
    }
  })

  it('is read only when its arrays have no more elements than they may, all together', () => {
    const partitions = [{ partitionIndex: 0, acknowledgementBatches: [] }]
    const body = {
      groupId: 'g',
      memberId: 'm',
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      minBytes: 0,
      maxRecords: 1,
      batchSize: 1,
    }
    const topics = Array.from({ length: 3 }, () => ({ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitions }))
    const frame = encodeRequest(ShareFetch, {
      version: 2,
      correlationId: 1,
      clientId: null,
      body: { ...body, topics, forgottenTopicsData: [] },
    }).subarray(4)
    expect(decodeRequest(ShareFetch, 2, frame, { maxElements: 6 }).topics).toHaveLength(3)
    expect(() => decodeRequest(ShareFetch, 2, frame, { maxElements: 5 })).toThrow(KafkaProtocolError)
    expect(() => decodeRequest(ShareFetch, 2, frame, { maxElements: 2 })).toThrow('has 3 elements, and only 2 more')
  })

  it('is read past tagged fields in its header', () => {
    for (const { json, hex } of goldenMessages('RequestHeader').casesWithUnknownTags) {
      const body = encodeRequest(ApiVersions, {
        version: 3,
        correlationId: 1,
        clientId: '',
        body: { clientSoftwareName: 's', clientSoftwareVersion: 'v' },
      })
      const frame = Buffer.concat([Buffer.from(hex, 'hex'), body.subarray(4 + 11)])
      expect(decodeRequest(ApiVersions, 3, frame)).toEqual({ clientSoftwareName: 's', clientSoftwareVersion: 'v' })
      expect(decodeRequestHeader(frame)).toMatchObject({
        correlationId: (json as { readonly correlationId: number }).correlationId,
      })
    }
  })

  it('may have an empty body', () => {
    const frame = encodeRequest(ApiVersions, { version: 0, correlationId: 1, clientId: 'c', body: {} })
    expect(frame.toString('hex')).toBe('0000000b' + '0012' + '0000' + '00000001' + '000163')
  })

  it('with a client id that no header can carry is a usage error', () => {
    const encode = () =>
      encodeRequest(ApiVersions, { version: 0, correlationId: 1, clientId: 'x'.repeat(32_768), body: {} })
    expect(encode).toThrow(KafkaUsageError)
  })
})

describe('a response', () => {
  it('comes back with the correlation id of its request', () => {
    const frame = encodeResponse(ShareGroupHeartbeat, { version: 1, correlationId: 77, body: answer })
    expect(frame.readInt32BE(0)).toBe(frame.length - 4)
    expect(correlationIdOf(frame.subarray(4))).toBe(77)
    expect(decodeResponse(ShareGroupHeartbeat, 1, frame.subarray(4))).toEqual({
      ...answer,
      errorMessage: null,
      memberId: null,
      assignment: null,
    })
  })

  it('with an error code is a value like any other', () => {
    const frame = encodeResponse(ShareGroupHeartbeat, {
      version: 1,
      correlationId: 1,
      body: { ...answer, errorCode: 25 },
    }).subarray(4)
    expect(decodeResponse(ShareGroupHeartbeat, 1, frame).errorCode).toBe(25)
  })

  it('has the header that Java writes, tagged fields included', () => {
    const body = encodeResponse(ShareGroupHeartbeat, { version: 1, correlationId: 0, body: answer }).subarray(4 + 5)
    for (const { version, hex } of [
      ...goldenMessages('ResponseHeader').cases,
      ...goldenMessages('ResponseHeader').casesWithUnknownTags,
    ]) {
      if (version !== 1) continue
      const frame = Buffer.concat([Buffer.from(hex, 'hex'), body])
      expect(decodeResponse(ShareGroupHeartbeat, 1, frame)).toMatchObject(answer)
    }
  })

  it('to ApiVersions has the oldest header in every version, so that a broker may answer in any', () => {
    const versions = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }], throttleTimeMs: 0 }
    for (const version of [0, 1, 2, 3, 4]) {
      const frame = encodeResponse(ApiVersions, { version, correlationId: 1, body: versions })
      expect(frame.toString('hex', 4, 10)).toBe('00000001' + '0023')
      expect(decodeResponse(ApiVersions, version, frame.subarray(4))).toMatchObject(versions)
    }
  })

  it('that refuses an ApiVersions version is readable in the form of version 0', () => {
    // As a 4.4 broker answers a version it does not know: UNSUPPORTED_VERSION and its own range.
    const frame = Buffer.from('00000001' + '0023' + '00000001' + '0012' + '0000' + '0005', 'hex')
    expect(decodeResponse(ApiVersions, 0, frame)).toMatchObject({
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 5 }],
    })
  })
})

describe('a frame that cannot be read', () => {
  const frame = encodeResponse(ShareGroupHeartbeat, { version: 1, correlationId: 1, body: answer }).subarray(4)

  it('is refused with the name and version of the message', () => {
    expect(() => decodeResponse(ShareGroupHeartbeat, 1, frame.subarray(0, -3))).toThrow(
      /^ShareGroupHeartbeatResponse v1 cannot be read: /,
    )
    expect(() => decodeResponse(FindCoordinator, 6, frame)).toThrow(/^FindCoordinatorResponse v6 /)
    expect(() => decodeRequest(ShareFetch, 2, frame)).toThrow(/^ShareFetchRequest v2 cannot be read/)
  })

  it('is refused when the message ends before it', () => {
    expect(() => decodeResponse(ShareGroupHeartbeat, 1, Buffer.concat([frame, Buffer.alloc(2)]))).toThrow(
      'ShareGroupHeartbeatResponse v1 ends 2 bytes before its frame does.',
    )
  })

  it('is refused when it is too short for its header', () => {
    expect(() => correlationIdOf(Buffer.alloc(3))).toThrow(KafkaProtocolError)
    expect(() => decodeRequestHeader(Buffer.alloc(9))).toThrow(KafkaProtocolError)
    expect(() => decodeRequestHeader(Buffer.from('0012000000000001fffe', 'hex'))).toThrow(
      'The client id claims a length of -2.',
    )
    expect(() => decodeResponse(ShareGroupHeartbeat, 1, Buffer.from('00000001ffff03', 'hex'))).toThrow(
      /header claims 65535 tagged fields/,
    )
  })
})
