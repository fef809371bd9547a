import type { Acquisition } from './acquisitions.js'
import { isAnswer } from './answer-faults.js'

// Of several acquisitions of one offset by one member (`chain`, the latest first) the one that is spoken of. What a client hands
// out and reports names topic, partition, offset and delivery count, and after a leader has moved a count may repeat.

/** The one that a record belongs to which is handed out for the first time: of several the one that was to come. */
export function toCome(chain: readonly Acquisition[], deliveryCount: number, now: number): Acquisition | undefined {
  const fitting = chain.filter((each) => each.isDelivered && !each.isMet && each.deliveryCount === deliveryCount)
  // Acquired anew over the same connection, the earlier one is over.
  const isOver = (each: Acquisition): boolean =>
    chain.slice(0, chain.indexOf(each)).some(({ tap, isDelivered }) => tap === each.tap && isDelivered)
  const isHeld = (each: Acquisition): boolean =>
    !each.wasSent && each.surelyEndsMs >= now && each.tap.closedAtClientMs === undefined && !isOver(each)
  return (
    fitting.findLast((each) => isHeld(each) && !each.isGivenUp && !each.intent) ??
    fitting.findLast(isHeld) ??
    fitting[0]
  )
}

/** The one that an answer was about. `deciding`: what an application is just telling the client about. */
export function meant(
  chain: readonly Acquisition[],
  type: number,
  { applied, deciding }: { readonly applied: boolean; readonly deciding: Acquisition | undefined },
): Acquisition | undefined {
  const find = (fits: (each: Acquisition) => boolean): Acquisition | undefined => chain.find(fits)
  if (applied) return find((each) => each.sent === type && each.isTold) ?? find((each) => each.sent === type)
  return (
    find((each) => each === deciding && each.sent === undefined) ??
    // An answer that came too late for its lock or session is not sent at all; its verdict comes at once.
    find((each) => each.owed > 0 && each.sent === undefined && each.verdicts === 0 && isAnswer(each, type)) ??
    find((each) => each.sent === type && !each.isTold && each.verdicts === 0) ??
    // What nobody owes a verdict may never have been given to the client.
    find((each) => each.sent === undefined && each.verdicts === 0 && isAnswer(each, type)) ??
    find((each) => each.sent === type && !each.isTold) ??
    find((each) => each.sent === undefined && each.isDelivered) ??
    find((each) => each.sent === type)
  )
}
