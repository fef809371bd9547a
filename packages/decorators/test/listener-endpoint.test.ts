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
      method: 'onOrder',
      where: 'OrderListener.onOrder()',
      defaultId: 'OrderListener.onOrder',
      options: options as KafkaListenerOptions,
      plan: [],
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
