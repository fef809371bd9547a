import { expect, test } from 'vitest'
import { ContainerEventHub, type ContainerEvent } from '../src/event-hub.js'
import { ConsumerStartedEvent, ConsumerStartingEvent } from '../src/index.js'
import { ContainerHarness, KeptLog } from './container-harness.js'

const source = { container: new ContainerHarness().container, clientId: 'orders-0' }

test('an event that an observer causes reaches everybody after the one that caused it', () => {
  const published: string[] = []
  const heard: string[] = []
  const hub = new ContainerEventHub(new KeptLog().logger(), { publish: ({ type }) => published.push(type) })
  hub.on('consumerStarting', () => hub.publish(new ConsumerStartedEvent(source)))
  hub.on('consumerStarting', ({ type }) => heard.push(type))
  hub.on('consumerStarted', ({ type }) => heard.push(type))
  hub.publish(new ConsumerStartingEvent(source))
  expect(heard).toEqual(['consumerStarting', 'consumerStarted'])
  expect(published).toEqual(['consumerStarting', 'consumerStarted'])
})

test('an observer hears its type only, and one added meanwhile hears the next', () => {
  const heard: ContainerEvent[] = []
  const hub = new ContainerEventHub(new KeptLog().logger(), undefined)
  hub.on('consumerStarting', () => {
    hub.on('consumerStarting', (event) => heard.push(event))
  })
  hub.publish(new ConsumerStartedEvent(source))
  hub.publish(new ConsumerStartingEvent(source))
  expect(heard).toEqual([])
  hub.publish(new ConsumerStartingEvent(source))
  expect(heard).toHaveLength(1)
})

test('a publisher that throws or rejects is logged, with the event and its member', async () => {
  const log = new KeptLog()
  const faults = [
    () => {
      throw new Error('publisher')
    },
    () => Promise.reject(new Error('publisher')),
  ]
  for (const publish of faults) {
    const hub = new ContainerEventHub(log.logger(), { publish })
    hub.publish(new ConsumerStartedEvent(source))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(log.at('error')).toMatchObject([
    { facts: { event: 'consumerStarted', clientId: 'orders-0', containerId: 'orders' } },
    { facts: { event: 'consumerStarted', clientId: 'orders-0', containerId: 'orders' } },
  ])
})

test('a publisher that is added hears every event besides the first one; added twice it hears each once', () => {
  const heard: string[] = []
  const added = { publish: ({ type }: ContainerEvent) => heard.push(`added ${type}`) }
  const hub = new ContainerEventHub(new KeptLog().logger(), { publish: ({ type }) => heard.push(`first ${type}`) })
  hub.addPublisher(added)
  hub.addPublisher(added)
  hub.publish(new ConsumerStartedEvent(source))
  expect(heard).toEqual(['first consumerStarted', 'added consumerStarted'])
})

test('a logger that throws costs later events nothing', () => {
  const told: string[] = []
  const logger = {
    error: () => {
      throw new Error('logger')
    },
  }
  const hub = new ContainerEventHub(logger as never, undefined)
  hub.on('consumerStarting', () => {
    throw new Error('observer')
  })
  hub.on('consumerStarted', (event) => told.push(event.type))
  hub.publish(new ConsumerStartingEvent(source))
  hub.publish(new ConsumerStartedEvent(source))
  expect(told).toEqual(['consumerStarted'])
})

test('what no event is called, and who cannot be told, is refused where it is given', () => {
  const hub = new ContainerEventHub(new KeptLog().logger(), undefined)
  const on = (type: unknown, observer: unknown) => () => hub.on(type as 'consumerStarted', observer as () => void)
  expect(on('ConsumerStoppedEvent', () => undefined)).toThrow(/did you mean 'consumerStopped'\?/)
  expect(on('toString', () => undefined)).toThrow(/'toString' is not the type of an event.*Known are: consumerStarting/)
  expect(on('consumerStopped', undefined)).toThrow(/The observer of 'consumerStopped' must be a function/)
  for (const none of [{}, 'x', () => undefined]) {
    expect(() => new ContainerEventHub(new KeptLog().logger(), none as never)).toThrow(/object with publish\(event\)/)
    expect(() => hub.addPublisher(none as never)).toThrow(/object with publish\(event\)/)
  }
})
