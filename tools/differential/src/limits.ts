import { DescribeConfigs, ShareAcknowledge, ShareFetch, ShareGroupHeartbeat } from '@milena/protocol'
import { ClusterAdmin } from './cluster-admin.js'
import type { Target } from './target.js'
import { count, nameOfError, type ErrorLevel, type Trace, type TraceEntry } from './trace.js'
import { Wire } from './wire.js'

const BROKER_RESOURCE = 4
/** How many sessions, and members of one group, the play is willing to open. */
const MOST = 400
/** What a broker is started with that is to be played to its limits. */
export const limitProperties: Readonly<Record<string, string>> = {
  'group.share.max.size': '12',
  'group.share.max.share.sessions': '300',
}

/** Whether a broker's limits are low enough to be reached, and a group's locks may be as short as the sequences need them. */
export async function capabilities(target: Target): Promise<{ limitsInReach: boolean; minLockMs: number }> {
  const wire = await Wire.open(target.transport, target.address)
  try {
    const names = ['group.share.max.size', 'group.share.max.share.sessions', 'group.share.min.record.lock.duration.ms']
    const { results } = await target.answered(
      wire.send(DescribeConfigs, 4, {
        resources: [{ resourceType: BROKER_RESOURCE, resourceName: '1', configurationKeys: names }],
        includeSynonyms: false,
        includeDocumentation: false,
      }),
      0,
    )
    const value = (name: string): number =>
      Number(results[0]?.configs.find((config) => config.name === name)?.value ?? Number.NaN)
    return {
      limitsInReach: value('group.share.max.size') <= MOST && value('group.share.max.share.sessions') <= MOST,
      minLockMs: value('group.share.min.record.lock.duration.ms'),
    }
  } finally {
    wire.cut()
  }
}

/**
 * One play of its own, to the limits of a broker that nobody else uses meanwhile: so many sessions that one more is refused, a
 * session replaced at the limit, and so many members that one more is refused.
 */
export async function playToLimits(target: Target, prefix: string): Promise<Trace> {
  const entries: TraceEntry[] = []
  const operations = new Map<string, number>()
  const errors = new Map<string, number>()
  const note = (asked: string, said: string, level: ErrorLevel): void => {
    entries.push({ step: entries.length, asked, said })
    count(errors, `${level}: ${said}`)
  }
  const groupId = `${prefix}-group`
  const admin = await ClusterAdmin.open(target)
  const wire = await Wire.open(target.transport, target.address)
  try {
    await admin.coordinatorOf(groupId, 0)
    const open = async (index: number): Promise<string> => {
      const body = { groupId, memberId: `s${index}`, shareSessionEpoch: 0, maxWaitMs: 100, minBytes: 1 }
      const answer = await target.answered(
        wire.send(ShareFetch, 2, { ...body, maxRecords: 1, batchSize: 1, topics: [], forgottenTopicsData: [] }),
        body.maxWaitMs,
      )
      return nameOfError(answer.errorCode)
    }
    let sessions = 0
    let said = await open(0)
    while (said === 'NONE' && sessions < MOST) said = await open(++sessions)
    count(operations, 'limits: sessions')
    note(`session ${sessions + 1}`, said, 'fetch, whole answer')
    note('replace the first session', await open(0), 'fetch, whole answer')
    for (let index = 0; index < sessions; index++) {
      await target.answered(
        wire.send(ShareAcknowledge, 2, { groupId, memberId: `s${index}`, shareSessionEpoch: -1, topics: [] }),
        0,
      )
    }
    const beat = async (index: number, memberEpoch: number): Promise<string> => {
      const body = { groupId, memberId: `h${index}`, memberEpoch, rackId: null, subscribedTopicNames: [`${prefix}-A`] }
      return nameOfError((await target.answered(wire.send(ShareGroupHeartbeat, 1, body), 0)).errorCode)
    }
    let members = 0
    said = await beat(0, 0)
    while (said === 'NONE' && members < MOST) said = await beat(++members, 0)
    count(operations, 'limits: members')
    note(`member ${members + 1}`, said, 'heartbeat')
    for (let index = 0; index < members; index++) await beat(index, -1)
  } finally {
    wire.cut()
    admin.close()
  }
  return { entries, operations, errors, invalid: undefined }
}
