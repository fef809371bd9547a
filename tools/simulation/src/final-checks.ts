import { AckCode, told, type Acquisition } from './acquisitions.js'
import type { SimProcess } from './sim-process.js'
import type { World } from './world.js'

/** What was not heard for longer than this is lost, and its member may not know it yet. */
const LATELY_MS = 2_500

/** What is assigned to each member now. */
export function assignments({ broker }: World): ReadonlyMap<string, string> {
  const members = broker.inspect().shareGroups.flatMap((group) => group.members)
  return new Map(members.map(({ memberId, assignment }) => [memberId, assignment.join()]))
}

/** No broker goes on with a partition for a member that the group has not given it to. */
export function checkSessions(world: World, before: ReadonlyMap<string, string>): void {
  const { broker, findings, truth } = world
  const { shareSessions, shareGroups } = broker.inspect()
  for (const { groupId, memberId, partitions, nodeId } of shareSessions) {
    const member = shareGroups
      .find((group) => group.groupId === groupId)
      ?.members.find((each) => each.memberId === memberId)
    // Of machines without power brokers do not know yet.
    const process = truth.processOf.get(memberId)
    if (member === undefined || process === undefined || process.isDead) continue
    // Who still waits for a broker that does not answer cannot know, or tell. Without an assignment a member fetches eagerly.
    const since = broker.clock.now() - LATELY_MS
    if ((truth.heartbeatMs.get(memberId) ?? 0) < since || member.assignment.length === 0) continue
    // A new one travels with the next heartbeat, and its consequences with the next fetch.
    if (before.get(memberId) !== member.assignment.join()) continue
    if ((truth.fetchedMs.get(`${memberId} ${nodeId}`) ?? 0) < since) continue
    const strange = partitions.filter((each) => !member.assignment.includes(each))
    if (strange.length > 0) {
      findings.broken(
        'BOUNDED',
        `broker ${nodeId} still has ${strange.join(', ')} in the session of ${memberId.slice(0, 6)}, which are not assigned to it: ${JSON.stringify(member)}`,
      )
    }
  }
}

/** Members whose coordinator has answered all along. */
export function liveMembers({ broker, truth }: World): ReadonlySet<string> {
  const since = broker.clock.now() - LATELY_MS
  return new Set([...truth.heartbeatMs].flatMap(([memberId, at]) => (at >= since ? [memberId] : [])))
}

/** Who has just ended in good order has left its group, and not been put out of it. */
export function checkLeft({ broker, findings }: World, members: ReadonlySet<string>): void {
  for (const { groupId, members: left } of broker.inspect().shareGroups) {
    for (const { memberId, clientId } of left) {
      if (members.has(memberId)) findings.broken('BOUNDED', `${clientId} has ended, and is still in ${groupId}`)
    }
  }
}

/** Each record of each group: accepted or rejected as an application said, or archived by the limit. */
export function checkOutcomes(world: World): void {
  const { scenario, truth, findings, places, log } = world
  for (const { id: groupId, isReadCommitted } of scenario.groups) {
    for (const { topic, partition } of places) {
      const place = `${topic}-${partition}`
      for (const [offset, content] of log.offsets(place)) {
        if (content.kind === 'hole' || (content.kind === 'aborted' && isReadCommitted)) continue
        const outcomes = truth.outcomes.get(`${groupId} ${place}@${offset}`) ?? []
        if (outcomes.some(({ type }) => type === AckCode.ACCEPT || type === AckCode.REJECT)) continue
        const deliveries = truth.acquisitions.deliveries(groupId, place, offset)
        if (deliveries + truth.lostFetches >= scenario.deliveryLimit) {
          findings.count('archived by the limit')
          continue
        }
        findings.broken(
          'LOST',
          `${place}@${offset} (${content.kind}) is over for ${groupId} after ${deliveries} deliveries, and nobody has finished it`,
        )
      }
    }
  }
  checkVerdicts(world)
}

/** As many verdicts as answers: which of two equal answers to one offset a verdict was about, nobody can tell. */
function checkVerdicts(world: World): void {
  const owed = new Map<string, { answers: number; verdicts: number; last: Acquisition }>()
  for (const acquisition of world.truth.acquisitions.all) {
    if (!acquisition.isOwed || world.wasKilled(acquisition.tap.process)) continue
    const { memberId, place, offset, verdicts } = acquisition
    const key = `${memberId} ${place}@${offset}`
    const sum = owed.get(key)
    if (sum === undefined) owed.set(key, { answers: 1, verdicts, last: acquisition })
    else {
      sum.answers++
      sum.verdicts += verdicts
      if (verdicts === 0) sum.last = acquisition
    }
  }
  for (const { answers, verdicts, last } of owed.values()) {
    if (verdicts >= answers) continue
    world.findings.broken('VERDICT', `the answer ${last.intent} to ${told(last)} was never told a verdict`)
  }
}

/** Nothing of the applications is left at the brokers that ended in good order when nothing was wrong. */
export function checkEnd(world: World, ended: ReadonlySet<SimProcess>): void {
  const { broker, findings, truth } = world
  const { shareSessions, shareGroups, sharePartitions, brokers } = broker.inspect()
  const isOurs = (memberId: string | undefined): boolean => {
    const process = truth.processOf.get(memberId ?? '')
    return process !== undefined && ended.has(process)
  }
  const left = (what: string): void => findings.broken('BOUNDED', `after the end there ${what}`)
  for (const { memberId, nodeId } of shareSessions) {
    if (isOurs(memberId)) left(`is a share session of ${memberId} at broker ${nodeId}`)
  }
  for (const { groupId, members } of shareGroups) {
    for (const { memberId, clientId } of members) if (isOurs(memberId)) left(`is ${clientId} in ${groupId}`)
  }
  for (const { records, topic, partition } of sharePartitions) {
    for (const { state, memberId, firstOffset, lastOffset } of records) {
      if (state !== 'ACQUIRED' || !isOurs(memberId)) continue
      left(`are records locked: ${topic}-${partition}@${firstOffset}-${lastOffset} by ${memberId}`)
    }
  }
  const names = new Set([...ended].map(({ name }) => name))
  for (const clientId of brokers.flatMap(({ connections }) => connections)) {
    if (names.has((clientId ?? '').split('-')[0] ?? '')) left(`is a connection of ${clientId}`)
  }
}
