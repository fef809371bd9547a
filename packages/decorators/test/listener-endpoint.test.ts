import { describe, expect, it } from 'vitest'
import { Problems } from '../src/errors.js'
import type { KafkaListenerOptions } from '../src/kafka-listener-options.js'
import { describeEndpoint } from '../src/listener-endpoint.js'
import { PropertyResolver, type PropertySource } from '../src/property-resolver.js'

class OrderListener {}

function describeOptions(options: unknown, source: PropertySource = {}) {
  const problems = new Problems()
  const endpoint = describeEndpoint(
    {
      listenerClass: OrderListener,
      where: 'OrderListener.onOrder()',
      defaultId: 'OrderListener.onOrder',
      options: options as KafkaListenerOptions,
      target: { kind: 'method', method: { name: 'onOrder', where: 'OrderListener.onOrder()', plan: [] } },
    },
    new PropertyResolver([source]),
    problems,
  )
  problems.throwIfAny()
  return endpoint
}

describe('an endpoint', () => {
  it('has the defaults of a listener that names only its topic', () => {
    expect(describeOptions({ topics: 'orders' })).toEqual({
      id: 'OrderListener.onOrder',
      topics: ['orders'],
      containerFactory: 'default',
    })
  })

  it('has all that the listener says, placeholders resolved', () => {
    const source = {
      topic: 'orders',
      group: 'workers',
      n: '10',
      window: 64,
      factory: 'fast',
      on: 'FALSE',
      id: 'o',
      prefix: 'p',
      rack: 'r1',
      mode: 'manual',
      deadline: '2500',
      set: 'night',
      phase: '-3',
      reset: 'earliest',
    }
    const endpoint = describeOptions(
      {
        id: '${id}',
        topics: ['${topic}', 'more'],
        groupId: '${group}',
        containerFactory: '${factory}',
        concurrency: '${n}',
        clientIdPrefix: '${prefix}',
        autoStartup: '${on}',
        maxInFlight: '${window}',
        properties: { 'client.rack': '${rack}', 'max.poll.records': 5 },
        ackMode: '${mode}',
        processingDeadlineMs: '${deadline}',
        containerGroup: '${set}',
        phase: '${phase}',
        groupConfigs: { 'share.auto.offset.reset': '${reset}', 'share.delivery.count.limit': 9 },
        info: { any: 'thing' },
      },
      source,
    )
    expect(endpoint).toEqual({
      id: 'o',
      topics: ['orders', 'more'],
      groupId: 'workers',
      containerFactory: 'fast',
      concurrency: 10,
      clientIdPrefix: 'p',
      autoStartup: false,
      maxInFlight: 64,
      properties: { 'client.rack': 'r1', 'max.poll.records': 5 },
      ackMode: 'MANUAL',
      processingDeadlineMs: 2500,
      containerGroup: 'night',
      phase: -3,
      groupConfigs: { 'share.auto.offset.reset': 'earliest', 'share.delivery.count.limit': 9 },
      info: { any: 'thing' },
    })
  })

  it.each([
    ['one name', 'a', ['a']],
    ['several names', ['a', 'b'], ['a', 'b']],
    ['names with commas between', 'a, b,,c', ['a', 'b', 'c']],
    ['a placeholder for a list', '${list}', ['x', 'y']],
    ['the same name twice', ['a', 'a'], ['a']],
  ])('takes topics as %s', (_name, topics, expected) => {
    expect(describeOptions({ topics }, { list: ['x', 'y'] }).topics).toEqual(expected)
  })

  it('takes its id for its group only where it is told to, and no group is given', () => {
    expect(describeOptions({ topics: 't', id: 'a' })).not.toHaveProperty('groupId')
    expect(describeOptions({ topics: 't', id: 'a', idIsGroup: true }).groupId).toBe('a')
    expect(describeOptions({ topics: 't', id: 'a', idIsGroup: '${yes:true}' }).groupId).toBe('a')
    expect(describeOptions({ topics: 't', id: 'a', idIsGroup: true, groupId: 'g' }).groupId).toBe('g')
    expect(describeOptions({ topics: 't', id: 'a', idIsGroup: true, properties: { 'group.id': 'g' } }).groupId).toBe(
      'g',
    )
    expect(describeOptions({ topics: 't', id: 'a', idIsGroup: false })).not.toHaveProperty('groupId')
  })

  it('is in the group of its groupId, whatever its properties say, by either name', () => {
    for (const name of ['group.id', 'groupId']) {
      expect(describeOptions({ topics: 't', groupId: 'own', properties: { [name]: 'other' } }).groupId).toBe('own')
      expect(describeOptions({ topics: 't', properties: { [name]: 'other' } }).groupId).toBe('other')
    }
  })

  it('names its container factory by a symbol as well', () => {
    const manual = Symbol('manual')
    expect(describeOptions({ topics: 't', containerFactory: manual }).containerFactory).toBe(manual)
  })

  it('keeps hooks that are functions, and those that the DI container is to be asked for', () => {
    class Handler {}
    const filter = () => true
    const symbol = Symbol('filter')
    expect(describeOptions({ topics: 't', errorHandler: Handler, filter })).toMatchObject({
      errorHandler: Handler,
      filter,
    })
    expect(describeOptions({ topics: 't', errorHandler: 'handler', filter: symbol })).toMatchObject({
      errorHandler: 'handler',
      filter: symbol,
    })
  })

  it.each(['MANUAL', 'manual', ' ${mode:Manual} '])('takes its ack mode as %j', (ackMode) => {
    expect(describeOptions({ topics: 't', ackMode }).ackMode).toBe('MANUAL')
  })

  it.each([3, '3', ' 3 '])('takes concurrency as %j', (concurrency) => {
    expect(describeOptions({ topics: 't', concurrency }).concurrency).toBe(3)
  })
})

describe('a mistake in @KafkaListener', () => {
  it.each([
    ['no options', undefined, /@KafkaListener needs its options/],
    ['no topic', {}, /It names no topic/],
    ['an empty list', { topics: [] }, /It names no topic/],
    ['an empty text', { topics: ' ' }, /It names no topic/],
    ['a pattern', { topics: /orders-.*/ }, /topics cannot be a pattern/],
    ['topics that are no text', { topics: [1] }, /topics must be the name of a topic/],
    ['an unknown placeholder', { topics: '${absent.topic}' }, /topics: The property 'absent\.topic' is found nowhere/],
    ['an empty group', { topics: 't', groupId: '${g:}' }, /groupId is empty, from '\$\{g:\}'/],
    ['an id that is no text', { topics: 't', id: 7 }, /id must be a text/],
    ['concurrency 0', { topics: 't', concurrency: 0 }, /concurrency is 0; it must be a whole number of 1 or more/],
    ['concurrency 1.5', { topics: 't', concurrency: 1.5 }, /concurrency is 1\.5/],
    ['concurrency that is no number', { topics: 't', concurrency: 'many' }, /concurrency is 'many'/],
    ['maxInFlight -1', { topics: 't', maxInFlight: '-1' }, /maxInFlight is '-1'/],
    ['autoStartup that is no truth value', { topics: 't', autoStartup: 'maybe' }, /autoStartup must be true or false/],
    [
      'an unknown ack mode',
      { topics: 't', ackMode: 'BATCH' },
      /ackMode is 'BATCH'; it must be EXPLICIT, MANUAL, IMPLICIT/,
    ],
    ['an ack mode that is no text', { topics: 't', ackMode: 1 }, /ackMode must be a text/],
    [
      'a deadline of 0',
      { topics: 't', processingDeadlineMs: 0 },
      /processingDeadlineMs is 0; it must be a number of mill/,
    ],
    ['a phase of 1.5', { topics: 't', phase: '1.5' }, /phase is '1\.5'; it must be a whole number/],
    [
      'an error handler that is none',
      { topics: 't', errorHandler: 7 },
      /errorHandler must be a function, or a class, a t/,
    ],
    ['a filter that is none', { topics: 't', filter: {} }, /filter must be a function, or a class, a text or a symbol/],
    ['idIsGroup without an id', { topics: 't', idIsGroup: true }, /idIsGroup is true, and there is no id/],
    [
      'group settings that are none',
      { topics: 't', groupConfigs: 'earliest' },
      /groupConfigs must be an object of sett/,
    ],
    ["Spring's batch", { topics: 't', batch: 'true' }, /'batch' cannot be set: records of a share group are delivered/],
    [
      "Spring's shareAckMode",
      { topics: 't', shareAckMode: 'MANUAL' },
      /'shareAckMode' cannot be set: here it is called a/,
    ],
    ['properties that are no object', { topics: 't', properties: ['a=b'] }, /properties must be an object/],
    [
      'a misspelt option',
      { topics: 't', groupID: 'g' },
      /'groupID' is not an option of @KafkaListener; did you mean 'groupId'\?/,
    ],
    [
      'topicPattern',
      { topics: 't', topicPattern: 'a.*' },
      /'topicPattern' cannot be set: a share group subscribes to topics by name/,
    ],
    [
      'topicPartitions',
      { topics: 't', topicPartitions: [] },
      /'topicPartitions' cannot be set: a share group deals records out itself/,
    ],
  ])('%s is explained, naming class and method', (_name, options, message) => {
    expect(() => describeOptions(options)).toThrow(message)
    expect(() => describeOptions(options)).toThrow(/^OrderListener\.onOrder\(\): /)
  })
})
