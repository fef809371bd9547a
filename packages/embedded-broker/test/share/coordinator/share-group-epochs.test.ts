import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kafkaVersions } from '../../../src/version-profile.js'
import { isFault } from '../../../src/share/coordinator/share-group-faults.js'
import { groupWorld } from './group-world.js'

// Random histories of one group, against what its members can know: the epochs and assignments that they were answered.

type World = ReturnType<typeof groupWorld>

/** A member as its client sees it. */
interface Client {
  readonly memberId: string
  topics: readonly string[]
  /** The last epochs that differ, newest first. */
  epochs: number[]
  assignment: readonly string[]
}

interface Model {
  readonly clients: Map<string, Client>
  lastEpoch: number
}

const NAMES = ['a', 'b', 'c'] as const
const memberIds = fc.constantFrom('m1', 'm2', 'm3')
const topicLists = fc.subarray(['a', 'b', 'c', 'missing'], { minLength: 1 })

function send(world: World, memberId: string, memberEpoch: number, topics: readonly string[] | null) {
  const meta = { groupId: 'g', rackId: null, clientId: '', clientHost: '' }
  const answer = world.groups.heartbeat({ ...meta, memberId, memberEpoch, topics })
  if (isFault(answer)) return answer
  const { memberEpoch: epoch, assignment } = answer
  if (assignment === null) return { epoch, assignment: undefined }
  const names = [...assignment].flatMap(([id, partitions]) => {
    const name = world.topics.byId(id)?.name
    expect(name, 'an assigned topic exists').toBeDefined()
    return partitions.map((partition) => `${name}-${partition}`)
  })
  return { epoch, assignment: names.toSorted() }
}

/** What must hold after each step. */
function check(model: Model, world: World): void {
  const view = world.groups.inspect()[0]
  if (view === undefined) return
  expect(view.epoch).toBeGreaterThanOrEqual(model.lastEpoch)
  model.lastEpoch = view.epoch
  expect(view.assignmentEpoch).toBeLessThanOrEqual(view.epoch)
  expect(view.state).toBe(view.members.length === 0 ? 'Empty' : 'Stable')
  expect(view.members.map((member) => member.memberId).toSorted()).toEqual([...model.clients.keys()].toSorted())
  for (const member of view.members) {
    const client = model.clients.get(member.memberId)
    expect(member.epoch).toBe(client?.epochs[0])
    // Partitions of topics that were deleted since are not shown any more.
    const stillThere = client?.assignment.filter((name) => world.topics.byName(name.slice(0, -2)) !== undefined)
    expect(stillThere).toEqual(expect.arrayContaining([...member.assignment]))
    for (const name of member.assignment) expect(member.subscribedTopics).toContain(name.slice(0, -2))
  }
}

class Join implements fc.AsyncCommand<Model, World> {
  constructor(
    readonly memberId: string,
    readonly topics: readonly string[],
  ) {}
  check = () => true
  async run(model: Model, world: World): Promise<void> {
    const answer = send(world, this.memberId, 0, this.topics)
    if (isFault(answer)) throw new Error('A join is always accepted here.')
    expect(answer.assignment, 'a join is told all').toBeDefined()
    const { topics, memberId } = this
    const client = model.clients.get(memberId) ?? { memberId, topics, epochs: [], assignment: [] }
    model.clients.set(memberId, client)
    client.topics = topics
    learn(client, answer)
    check(model, world)
  }
  toString = () => `join(${this.memberId}, ${this.topics.join()})`
}

class Beat implements fc.AsyncCommand<Model, World> {
  constructor(
    readonly memberId: string,
    readonly epoch: 'current' | 'previous' | 'ahead' | 'stale',
    readonly topics: readonly string[] | null,
  ) {}
  check = () => true
  async run(model: Model, world: World): Promise<void> {
    const client = model.clients.get(this.memberId)
    const current = client?.epochs[0] ?? 3
    const previous = client?.epochs[1] ?? current
    const epoch = {
      current,
      previous,
      ahead: current + 1,
      stale: Math.max(1, Math.min(...(client?.epochs ?? [1])) - 1),
    }[this.epoch]
    const isKnownEpoch = client !== undefined && (epoch === current || epoch === previous)
    const answer = send(world, this.memberId, epoch, this.topics)
    if (client === undefined) {
      expect(answer).toMatchObject({ errorCode: model.lastEpoch === 0 ? 69 : 25 })
    } else if (!isKnownEpoch) {
      expect(answer).toMatchObject({ errorCode: 110 })
    } else {
      if (isFault(answer)) throw new Error(`Refused with ${answer.errorCode}.`)
      expect(answer.epoch).toBeGreaterThanOrEqual(current)
      client.topics = this.topics ?? client.topics
      if (this.topics !== null) expect(answer.assignment, 'a full heartbeat is told all').toBeDefined()
      learn(client, answer)
    }
    check(model, world)
  }
  toString = () => `beat(${this.memberId}, ${this.epoch}, ${this.topics?.join() ?? 'as before'})`
}

class Leave implements fc.AsyncCommand<Model, World> {
  constructor(readonly memberId: string) {}
  check = (model: Readonly<Model>) => model.clients.has(this.memberId)
  async run(model: Model, world: World): Promise<void> {
    expect(send(world, this.memberId, -1, null)).toMatchObject({ epoch: -1 })
    model.clients.delete(this.memberId)
    check(model, world)
  }
  toString = () => `leave(${this.memberId})`
}

class Pass implements fc.AsyncCommand<Model, World> {
  constructor(readonly ms: number) {}
  check = () => true
  async run(model: Model, world: World): Promise<void> {
    await world.clock.advance(this.ms)
    check(model, world)
  }
  toString = () => `pass(${this.ms})`
}

class Topic implements fc.AsyncCommand<Model, World> {
  constructor(readonly name: string) {}
  check = () => true
  async run(model: Model, world: World): Promise<void> {
    const topic = world.topics.byName(this.name)
    if (topic === undefined) world.topics.create(this.name, 2)
    else if (topic.partitions.length < 4) world.topics.grow(this.name, topic.partitions.length + 1)
    else world.topics.delete(this.name)
    check(model, world)
  }
  toString = () => `topic(${this.name})`
}

function learn(client: Client, answer: { readonly epoch: number; readonly assignment: readonly string[] | undefined }) {
  if (client.epochs[0] !== answer.epoch) client.epochs = [answer.epoch, ...client.epochs].slice(0, 2)
  client.assignment = answer.assignment ?? client.assignment
}

/** Everybody heartbeats for some seconds: then all that is wanted is held, and nothing changes any more. */
async function settle(model: Model, world: World): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await world.clock.advance(1_100)
    for (const { memberId } of model.clients.values()) await new Beat(memberId, 'current', null).run(model, world)
  }
  const wanted = new Set([...model.clients.values()].flatMap((client) => client.topics))
  const expected = [...wanted].flatMap((name) =>
    (world.topics.byName(name)?.partitions ?? []).map((partition) => `${name}-${partition.index}`),
  )
  const held = new Set([...model.clients.values()].flatMap((client) => client.assignment))
  expect([...held].toSorted()).toEqual(expected.toSorted())
  const epochs = new Set([...model.clients.values()].map((client) => client.epochs[0]))
  expect(epochs.size).toBeLessThanOrEqual(1)
  for (const { memberId, epochs: known } of model.clients.values()) {
    expect(send(world, memberId, known[0] ?? -2, null)).toEqual({ epoch: known[0], assignment: undefined })
  }
}

describe('The epochs of a share group', () => {
  it.each(kafkaVersions)('only grow, and lead every history to a settled assignment, as Kafka %s', async (version) => {
    const beats = fc
      .tuple(memberIds, fc.constantFrom('current', 'previous', 'ahead', 'stale'), fc.option(topicLists, { freq: 4 }))
      .map(([id, epoch, topics]) => new Beat(id, epoch, topics))
    const commands = fc.commands(
      [
        fc.tuple(memberIds, topicLists).map(([id, topics]) => new Join(id, topics)),
        beats,
        beats,
        beats,
        memberIds.map((id) => new Leave(id)),
        fc.constantFrom(5, 30, 500, 1_000).map((ms) => new Pass(ms)),
        fc.constantFrom(...NAMES).map((name) => new Topic(name)),
      ],
      { maxCommands: 60, size: 'max' },
    )
    await fc.assert(
      fc.asyncProperty(commands, fc.constantFrom(0, 1_000), async (steps, assignmentIntervalMs) => {
        const model: Model = { clients: new Map(), lastEpoch: 0 }
        const world = groupWorld(version)
        world.settings.assignmentIntervalMs = assignmentIntervalMs
        await fc.asyncModelRun(() => ({ model, real: world }), steps)
        await settle(model, world)
        for (const { memberId } of [...model.clients.values()]) await new Leave(memberId).run(model, world)
        await world.clock.advance(30)
        expect(world.clock.pendingTimers).toBe(0)
      }),
      { numRuns: 100 },
    )
  })
})
