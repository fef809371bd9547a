import { AckCode, told, type Acquisition } from './acquisitions.js'
import type { SimProcess } from './sim-process.js'
import type { World } from './world.js'

/** What was not heard for longer than this is lost, and its member may not know it yet. */
const LATELY_MS = 2_500

/** An application may use up fewer deliveries by itself: each pause and each unsubscribe() gives back what was fetched, which costs it one. */
const STEADY_LIMIT = 10

/** What is assigned to each member now, and since which epoch: it may have been something else in between. */
export function assignments({ broker }: World): ReadonlyMap<string, string> {
  const members = broker.inspect().shareGroups.flatMap((group) => group.members)
  return new Map(members.map((member) => [member.memberId, assignmentOf(member)]))
}

function assignmentOf({
  epoch,
  assignment,
}: {
  readonly epoch: number
  readonly assignment: readonly string[]
}): string {
  return `${epoch} ${assignment.join()}`
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
    if (before.get(memberId) !== assignmentOf(member)) continue
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
        if (deliveries + (truth.lostFetches.get(groupId) ?? 0) >= scenario.deliveryLimit) {
          findings.count('archived by the limit')
          if (
            scenario.isFair &&
            scenario.deliveryLimit >= STEADY_LIMIT &&
            !truth.acquisitions.wasSeen(groupId, place, offset)
          ) {
            findings.broken(
              'LOST',
              `${place}@${offset} is archived for ${groupId} after ${deliveries} deliveries, and no application ever got it, though nothing was wrong`,
            )
          }
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

/**
 * As many verdicts as answers: which of two equal answers to one offset a verdict was about, nobody can tell; nor, from outside, about
 * which of the members that a consumer has been.
 */
function checkVerdicts(world: World): void {
  const { truth, findings } = world
  const byMember = new Map<string, Verdicts>()
  const byProcess = new Map<string, Verdicts>()
  for (const acquisition of truth.acquisitions.all) {
    const { memberId, groupId, place, offset, verdicts, owed, tooLate, tap } = acquisition
    if (world.wasKilled(tap.process)) continue
    const ofMember = verdictsOf(byMember, `${memberId} ${place}@${offset}`, acquisition)
    if (owed > 0) ofMember.answers++
    ofMember.verdicts += verdicts
    if (owed > 0 && verdicts === 0) ofMember.last = acquisition
    const ofProcess = verdictsOf(byProcess, `${tap.process.name} ${groupId} ${place}@${offset}`, acquisition)
    // Each time it was acquired has one answer, the application's or the client's own; those that come too late may be several.
    ofProcess.answers += Math.max(1, owed + tooLate)
    ofProcess.verdicts += verdicts
  }
  for (const { answers, verdicts, last } of byMember.values()) {
    if (verdicts >= answers) continue
    findings.broken('VERDICT', `the answer ${last.intent} to ${told(last)} was never told a verdict`)
  }
  for (const { answers, verdicts, last } of byProcess.values()) {
    if (verdicts <= answers) continue
    findings.broken('VERDICT', `${told(last)}: ${verdicts} verdicts were told, for ${answers} answers at most`)
  }
}

/** What became of one record. */
interface Verdicts {
  answers: number
  verdicts: number
  last: Acquisition
}

function verdictsOf(all: Map<string, Verdicts>, key: string, last: Acquisition): Verdicts {
  const known = all.get(key) ?? { answers: 0, verdicts: 0, last }
  all.set(key, known)
  return known
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
