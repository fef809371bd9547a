import { describe, expect, test } from 'vitest'
import { dottedName, everyClientsOptions, inOneSpelling, layOptions } from '../../src/config/option-layers.js'

describe('options in layers', () => {
  test('what the nearer layer sets by one name is set by no other name any more', () => {
    const below = {
      maxPollRecords: 10,
      requestTimeoutMs: 1,
      properties: { 'bootstrap.servers': 'a:1', checkCrcs: true },
    }
    expect(
      layOptions<object, object>(below, { bootstrapServers: 'b:1', properties: { 'max.poll.records': 5 } }),
    ).toEqual({
      requestTimeoutMs: 1,
      bootstrapServers: 'b:1',
      properties: { checkCrcs: true, 'max.poll.records': 5 },
    })
    expect(layOptions(below, { properties: { 'check.crcs': false } }).properties).toEqual({
      'bootstrap.servers': 'a:1',
      'check.crcs': false,
    })
  })

  test('what is undefined is not set', () => {
    expect(layOptions({ properties: { 'group.id': 'g' } }, { groupId: undefined, properties: undefined })).toEqual({
      properties: { 'group.id': 'g' },
    })
    expect(layOptions({}, { properties: { 'group.id': undefined } })).toEqual({ properties: {} })
  })

  test('properties have one name each; names that have no other stay as they are', () => {
    expect(inOneSpelling({ maxPollRecords: 1, maxInFlight: 2, 'my.own': 3, groupId: undefined })).toEqual({
      'max.poll.records': 1,
      maxInFlight: 2,
      'my.own': 3,
    })
    expect(['linger.ms', 'lingerMs', 'valueDeserializer'].map(dottedName)).toEqual([
      'linger.ms',
      'linger.ms',
      'value.deserializer',
    ])
  })

  test('of a consumer every client takes its addresses and times, by either name', () => {
    const given = { clientId: 'c', maxPollRecords: 5, properties: { 'request.timeout.ms': '9', 'group.id': 'g' } }
    expect(everyClientsOptions(given)).toEqual({ clientId: 'c', properties: { 'request.timeout.ms': '9' } })
    expect(everyClientsOptions({ bootstrapServers: 'a:1' })).toEqual({ bootstrapServers: 'a:1', properties: {} })
  })
})
