import type { InterceptAction, InterceptedRequest, Interception } from '@milena/embedded-broker'
import { ErrorCode, errorName } from '@milena/protocol'
import type { Running, World } from './world.js'

/** Everything that can happen, and how often in proportion. */
const WEIGHTS = {
  'records written': 30,
  'connections reset': 8,
  'connections half open': 4,
  'black hole': 4,
  'answers held': 3,
  'requests held': 3,
  'slow link': 5,
  'links mended': 6,
  'broker killed': 5,
  'broker restarted': 6,
  'broker frozen': 3,
  'brokers thawed': 5,
  'leader moved': 6,
  'coordinator killed': 2,
  'request dropped': 4,
  'answer dropped': 4,
  'cut before': 3,
  'cut after': 5,
  'bytes delayed': 4,
  'share request refused': 8,
  'partition refused': 8,
  'acknowledgement refused': 8,
  'heartbeat refused': 4,
  'metadata refused': 2,
  throttled: 3,
  'member frozen': 6,
  'member thawed': 6,
  'member killed': 5,
  'member vanished': 3,
  'member stopped': 6,
  'member started': 7,
  'answer corrupted': 2,
  'lock duration changed': 2,
  'renewals switched': 2,
} as const
export type FaultKind = keyof typeof WEIGHTS
export const faultKinds = Object.keys(WEIGHTS) as readonly FaultKind[]

const TOP_ERRORS = [
  ErrorCode.SHARE_SESSION_NOT_FOUND,
  ErrorCode.INVALID_SHARE_SESSION_EPOCH,
  ErrorCode.SHARE_SESSION_LIMIT_REACHED,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.GROUP_AUTHORIZATION_FAILED,
]
const PARTITION_ERRORS = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.OFFSET_NOT_AVAILABLE,
]
const ACKNOWLEDGE_ERRORS = [
  ErrorCode.INVALID_RECORD_STATE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
]
const HEARTBEAT_ERRORS = [
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.FENCED_MEMBER_EPOCH,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
]
const MAX_PROCESSES = 8

/** Does things to a world. */
export class Faults {
  readonly #world: World
  #hooks: Interception[] = []
  readonly restarts: Promise<void>[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** One thing happens, or nothing where it cannot. */
  strike(): void {
    const kind = this.#world.dice.weighted(WEIGHTS)
    if (!this.#do(kind)) return
    this.#world.findings.count(`fault ${kind}`)
    this.#world.findings.say(`--- ${kind}`)
  }

  /** Mends everything; resolves when it is. */
  async mend(): Promise<void> {
    const { broker, network, alive, truth, damage } = this.#world
    for (const hook of this.#hooks.splice(0)) hook.stop()
    truth.refusals.forgetInjected()
    damage.corruptNext = 0
    broker.thaw()
    network.calmAll()
    for (const id of broker.brokerIds) await broker.restart(id)
    for (const { process } of alive) process.thaw()
  }

  #do(kind: FaultKind): boolean {
    const { dice, network, broker } = this.#world
    const process = this.#member()?.process
    const nodeId = dice.pick(broker.brokerIds)
    const link = process === undefined ? undefined : network.link(process, nodeId)
    switch (kind) {
      case 'records written': {
        const { topic, partition } = dice.pick(this.#world.places)
        this.#world.append(topic, partition, dice.between(1, 20))
        return true
      }
      case 'connections reset':
      case 'connections half open': {
        const how = kind === 'connections reset' ? 'reset' : 'half-open'
        const all = dice.chance(0.3)
        return network.cut(how, { process: all ? undefined : process, nodeId }) > 0
      }
      case 'black hole':
        link?.hold(['in', 'out'])
        return link !== undefined
      case 'answers held':
        link?.hold(['in'])
        return link !== undefined
      case 'requests held':
        link?.hold(['out'])
        return link !== undefined
      case 'slow link':
        if (link === undefined) return false
        link.baseMs = dice.pick([50, 300, 1_500])
        link.jitterMs = dice.pick([0, 100])
        return true
      case 'links mended':
        network.calmAll()
        return true
      case 'broker killed':
        return this.#kill(nodeId)
      case 'coordinator killed':
        return this.#kill(this.#coordinator())
      case 'broker restarted':
        this.restarts.push(broker.restart(nodeId))
        return true
      case 'broker frozen':
        broker.freeze(nodeId)
        return true
      case 'brokers thawed':
        broker.thaw()
        return true
      case 'leader moved':
        return this.#moveLeader(nodeId)
      case 'request dropped':
        return this.#hook({ do: 'drop', what: 'request' })
      case 'answer dropped':
        return this.#hook({ do: 'drop' })
      case 'cut before':
        return this.#hook({ do: 'cut' })
      case 'cut after':
        return this.#hook({ do: 'cut', when: 'after' })
      case 'bytes delayed':
        if (link !== undefined) link.nextMs = dice.pick([30, 500, 3_000])
        return link !== undefined
      case 'share request refused':
        return this.#refuse(dice.pick(['ShareFetch', 'ShareAcknowledge']), dice.pick(TOP_ERRORS))
      case 'partition refused':
        return this.#refusePartitions('ShareFetch', dice.pick(PARTITION_ERRORS))
      case 'acknowledgement refused':
        return this.#refusePartitions(dice.pick(['ShareFetch', 'ShareAcknowledge']), dice.pick(ACKNOWLEDGE_ERRORS))
      case 'heartbeat refused':
        return this.#refuse('ShareGroupHeartbeat', dice.pick(HEARTBEAT_ERRORS))
      case 'metadata refused':
        return this.#refuse(dice.pick(['Metadata', 'FindCoordinator']), ErrorCode.COORDINATOR_NOT_AVAILABLE)
      case 'throttled':
        return this.#throttle(dice.pick([20, 500, 2_000]))
      case 'member frozen':
        process?.freeze()
        return process !== undefined
      case 'member thawed': {
        const frozen = this.#world.alive.filter((each) => each.process.isFrozen)
        for (const each of frozen) each.process.thaw()
        return frozen.length > 0
      }
      case 'member killed':
      case 'member vanished':
        return this.#killMember(kind === 'member killed')
      case 'member stopped': {
        const member = this.#member()
        if (member === undefined || member.process.isFrozen || member.stopping !== undefined) return false
        void this.#world.stop(member, dice.pick([500, 2_000, 5_000]))
        return true
      }
      case 'member started': {
        if (this.#world.alive.length >= MAX_PROCESSES) return false
        const { kinds, groups } = this.#world.scenario
        this.#world.launch(dice.pick(kinds), dice.pick(groups).id)
        return true
      }
      case 'answer corrupted':
        this.#world.damage.corruptNext++
        return true
      case 'lock duration changed':
        for (const { id } of this.#world.scenario.groups)
          broker.setGroupConfig(id, { 'share.record.lock.duration.ms': String(dice.pick([1_000, 2_000, 5_000])) })
        return true
      case 'renewals switched': {
        if (this.#world.scenario.version === '4.2') return false
        const allowed = dice.chance(0.5)
        if (!allowed) this.#world.truth.renewalsAllowed = false
        for (const { id } of this.#world.scenario.groups)
          broker.setGroupConfig(id, { 'share.renew.acknowledge.enable': String(allowed) })
        return true
      }
    }
  }

  #member(): Running | undefined {
    const { alive, dice } = this.#world
    return alive.length === 0 ? undefined : dice.pick(alive)
  }

  /** Share partitions forget what they held in memory: refusals of answers are explained from now on. */
  #leadersLost(): void {
    const { truth, places, broker } = this.#world
    for (const { topic, partition } of places) truth.leaderMovedMs.set(`${topic}-${partition}`, broker.clock.now())
  }

  #kill(nodeId: number): boolean {
    const { broker } = this.#world
    const alive = broker.inspect().brokers.filter(({ isAlive }) => isAlive)
    if (!alive.some(({ id }) => id === nodeId)) return false
    this.#leadersLost()
    // In memory nothing of this waits.
    void broker.kill(nodeId)
    return true
  }

  #coordinator(): number {
    const { broker, truth } = this.#world
    return truth.lastCoordinator ?? broker.brokerIds[0] ?? 1
  }

  #moveLeader(to: number): boolean {
    const { broker, dice, places, truth } = this.#world
    const { topic, partition } = dice.pick(places)
    if (!broker.inspect().brokers.some(({ id, isAlive }) => id === to && isAlive)) return false
    broker.moveLeader({ topic, partition, to })
    truth.leaderMovedMs.set(`${topic}-${partition}`, broker.clock.now())
    return true
  }

  #killMember(cleanly: boolean): boolean {
    const { network, dice, broker } = this.#world
    const member = this.#member()
    if (member === undefined) return false
    const { process } = member
    this.#world.kill(member)
    // An operating system closes the sockets of a dead process; of a machine without power brokers hear much later.
    if (cleanly) network.cut('half-open', { process })
    else broker.clock.setTimer(() => void network.cut('half-open', { process }), dice.between(500, 12_000))
    return true
  }

  /** Something becomes of the next requests of one kind. */
  #hook(action: InterceptAction): boolean {
    const { dice, broker, findings } = this.#world
    const api = dice.weighted({
      ShareFetch: 5,
      ShareAcknowledge: 5,
      ShareGroupHeartbeat: 2,
      Metadata: 1,
      FindCoordinator: 1,
      ApiVersions: 1,
    })
    findings.say(`${JSON.stringify(action)} of ${api}`)
    this.#hooks.push(broker.intercept(api, () => action as never, { times: dice.between(1, 3) }))
    return true
  }

  #refuse(
    api: 'ShareFetch' | 'ShareAcknowledge' | 'ShareGroupHeartbeat' | 'Metadata' | 'FindCoordinator',
    errorCode: number,
  ): boolean {
    const { dice, broker, findings } = this.#world
    findings.say(`${api} answers ${errorName(errorCode)}`)
    const act = (request: InterceptedRequest): InterceptAction => {
      this.#inject(request)
      return { do: 'fail', errorCode }
    }
    this.#hooks.push(broker.intercept('*', act, { times: dice.between(1, 3), when: (request) => request.api === api }))
    return true
  }

  #refusePartitions(api: 'ShareFetch' | 'ShareAcknowledge', errorCode: number): boolean {
    const { dice, broker, findings, places } = this.#world
    const { topic, partition } = dice.pick(places)
    findings.say(`${api} answers ${errorName(errorCode)} for ${topic}-${partition}`)
    const act = (request: InterceptedRequest): InterceptAction => {
      this.#inject(request)
      return { do: 'fail', errorCode, partitions: [{ topic, partition }] }
    }
    this.#hooks.push(broker.intercept('*', act, { times: dice.between(1, 4), when: (request) => request.api === api }))
    return true
  }

  #throttle(throttleTimeMs: number): boolean {
    const { dice, broker } = this.#world
    const answer = (body: object) => ({ ...body, throttleTimeMs }) as never
    const api = dice.pick(['ShareFetch', 'ShareAcknowledge', 'ShareGroupHeartbeat', 'Metadata'] as const)
    this.#hooks.push(broker.intercept(api, () => ({ do: 'change', answer }) as never, { times: dice.between(1, 3) }))
    return true
  }

  #inject({ body, nodeId, api }: InterceptedRequest): void {
    if (api !== 'ShareFetch' && api !== 'ShareAcknowledge') return
    const { memberId, shareSessionEpoch } = body as { memberId: string | null; shareSessionEpoch: number }
    this.#world.truth.refusals.inject({ memberId, shareSessionEpoch }, nodeId, api)
  }
}
