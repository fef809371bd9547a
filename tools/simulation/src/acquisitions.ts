import type { AcknowledgeType } from '@milena/client'
import type { WireTap } from './wire-tap.js'

/** The codes of acknowledge types on the wire. */
export const AckCode = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** One record, locked once for one member: from the answer that brought it to the answer that ended it. */
export interface Acquisition {
  readonly memberId: string
  readonly groupId: string
  /** `topic-partition` */
  readonly place: string
  readonly offset: number
  readonly deliveryCount: number
  readonly tap: WireTap
  /** The share session of that connection. */
  readonly session: number
  /** The broker's lock may be over from then on, and is from the other on. */
  mayEndMs: number
  surelyEndsMs: number
  readonly acquiredAtMs: number
  /** The client got the answer that brought it. */
  isDelivered: boolean
  /** Its batch was damaged on the way: the client may reject it by itself. */
  isCorrupt: boolean
  /** The application, or its filter, has seen it: it belongs to that record. */
  isMet: boolean
  /** How often the application got it. */
  handedOut: number
  /** The client told its application that the lock is lost. */
  isGivenUp: boolean
  /** How often the application renewed it: each lets a poll hand it out once more. */
  renewedByApplication: number
  /** What the application decided. */
  intent: AcknowledgeType | undefined
  /** How many decisions were taken over by calls that returned: a verdict is owed. */
  owed: number
  /** How many were refused since they came too late, which is told as a verdict, too. */
  tooLate: number
  verdicts: number
  /** The terminal answer that went out, unless it came back refused in a way that lets it be sent again. */
  sent: number | undefined
  /** A terminal answer has gone out once: who has not handed it out by then never will. */
  wasSent: boolean
  isOut: boolean
  /** What the broker said to it. */
  outcome: 'ok' | 'failed' | 'unknown' | undefined
  /** The client was told that it was applied. */
  isTold: boolean
  /** The broker refused to renew it. */
  isRenewalRefused: boolean
  /** Renewals that the broker granted, as far as the client was told. */
  renewals: number
  /** The one of the same member and offset before it. */
  readonly before: Acquisition | undefined
}

/** All acquisitions, the latest of each member and offset first. */
export class Acquisitions {
  readonly all: Acquisition[] = []
  readonly #latest = new Map<string, Acquisition>()
  /** The highest delivery count of each record in each group. */
  readonly #deliveries = new Map<string, number>()
  /** The records of each group that an application was handed, or told of. */
  readonly #seen = new Set<string>()

  latest(memberId: string, place: string, offset: number): Acquisition | undefined {
    return this.#latest.get(`${memberId} ${place}@${offset}`)
  }

  /** What these members have acquired of one offset, the latest first. */
  chain(memberIds: readonly string[], place: string, offset: number): Acquisition[] {
    const chain: Acquisition[] = []
    for (const memberId of memberIds.toReversed()) {
      for (let each = this.latest(memberId, place, offset); each !== undefined; each = each.before) chain.push(each)
    }
    return chain
  }

  add(
    given: Pick<
      Acquisition,
      | 'memberId'
      | 'groupId'
      | 'place'
      | 'offset'
      | 'deliveryCount'
      | 'tap'
      | 'session'
      | 'mayEndMs'
      | 'surelyEndsMs'
      | 'acquiredAtMs'
      | 'isCorrupt'
    >,
  ): Acquisition {
    const key = `${given.memberId} ${given.place}@${given.offset}`
    const made: Acquisition = {
      ...given,
      isDelivered: false,
      isMet: false,
      handedOut: 0,
      isGivenUp: false,
      renewedByApplication: 0,
      intent: undefined,
      owed: 0,
      tooLate: 0,
      verdicts: 0,
      sent: undefined,
      wasSent: false,
      isOut: false,
      outcome: undefined,
      isTold: false,
      isRenewalRefused: false,
      renewals: 0,
      before: this.#latest.get(key),
    }
    this.#latest.set(key, made)
    this.all.push(made)
    const record = `${given.groupId} ${given.place}@${given.offset}`
    this.#deliveries.set(record, Math.max(given.deliveryCount, this.#deliveries.get(record) ?? 0))
    return made
  }

  /** An application was handed this record, or an error in its place. */
  saw({ groupId, place, offset }: Acquisition): void {
    this.#seen.add(`${groupId} ${place}@${offset}`)
  }

  wasSeen(groupId: string, place: string, offset: number): boolean {
    return this.#seen.has(`${groupId} ${place}@${offset}`)
  }

  deliveries(groupId: string, place: string, offset: number): number {
    return this.#deliveries.get(`${groupId} ${place}@${offset}`) ?? 0
  }
}

/** `orders-0@5 (delivery 2) of member x` */
export function told({ place, offset, deliveryCount, memberId, tap }: Acquisition): string {
  return `${place}@${offset} (delivery ${deliveryCount}, ${tap.process.name} ${memberId.slice(0, 6)}, broker ${tap.nodeId})`
}
