import { spoilConnections } from './proxy/spoiled-connections.js'
import { oneOf } from './seeded-random.js'
import type { Stage } from './stage.js'

/** One way of making things fail while records are consumed. */
export interface Scenario {
  readonly id: string
  readonly title: string
  /** How long the members would take for all records if nothing failed: long enough for the faults to fall into it. */
  readonly seconds: number
  /** Members reach the brokers through the proxies only; the broker that is lost beside a stop is then lost without a word. */
  readonly isProxied?: boolean
  /** Which broker is lost beside a stop. Default: the one that the member had its last records from. */
  readonly lostBroker?: 'leader' | 'coordinator'
  /** Resolves when it has done its worst. */
  run(stage: Stage): Promise<void>
}

export const MEMBERS = 3

/** Longer than the lock (5 s) and the session (6 s) of these groups. */
const FROZEN_MS = 12_000
const DOWN_MS = 8_000

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'leader-killed',
    title: 'leader of a partition killed (-9)',
    seconds: 25,
    run: async (stage) => {
      await stage.whenAccepted(0.2)
      await killForAWhile(stage, await stage.cluster.leaderOf(stage.topic, 0))
    },
  },
  {
    id: 'coordinator-killed',
    title: "group's coordinator killed (-9)",
    seconds: 25,
    lostBroker: 'coordinator',
    run: async (stage) => {
      await stage.whenAccepted(0.2)
      await killForAWhile(stage, await stage.cluster.coordinatorOf(stage.groupId))
    },
  },
  {
    id: 'rolling-restart',
    title: 'all brokers restarted, one after another',
    seconds: 40,
    run: async (stage) => {
      await stage.whenAccepted(0.1)
      for (const { nodeId } of stage.cluster.brokers) await stage.restartBroker(nodeId)
    },
  },
  {
    id: 'proxy',
    title: 'connections cut, delayed and black-holed at random',
    seconds: 40,
    isProxied: true,
    run: async (stage) => {
      await stage.whenAccepted(0.05)
      await spoilConnections(stage)
    },
  },
  {
    id: 'frozen',
    title: 'members frozen longer than lock and session',
    seconds: 30,
    run: async (stage) => {
      for (const share of [0.15, 0.5]) {
        await stage.whenAccepted(share)
        const member = oneOf(stage.random, stage.members)
        if (member !== undefined) await stage.freezeMember(member, FROZEN_MS)
      }
    },
  },
  {
    id: 'churn',
    title: 'members killed (-9) and joining at random',
    seconds: 35,
    run: async (stage) => {
      await stage.whenAccepted(0.05)
      while (stage.share < 0.75 && !stage.isOver) {
        await stage.pause(1_000 + stage.random() * 2_000)
        const victim = oneOf(stage.random, stage.members)
        if (victim !== undefined && stage.members.length > 1) await stage.killMember(victim)
        await stage.pause(stage.random() * 1_500)
        stage.startMember()
        if (stage.random() < 0.2 && stage.members.length <= MEMBERS) stage.startMember()
      }
    },
  },
]

async function killForAWhile(stage: Stage, nodeId: number): Promise<void> {
  await stage.killBroker(nodeId)
  await stage.pause(DOWN_MS)
  await stage.restartBroker(nodeId)
}
