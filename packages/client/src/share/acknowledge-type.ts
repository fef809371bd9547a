import { KafkaUsageError } from '@milena/protocol'

/**
 * What became of a record that this member had acquired (KIP-932, KIP-1222).
 *
 * - `ACCEPT`: processed; the group never delivers it again.
 * - `RELEASE`: given back; delivered again, to any member, until the group's delivery limit is reached.
 * - `REJECT`: unprocessable; archived at once (Kafka 4.4 copies it to the group's dead-letter topic when one is set).
 * - `RENEW`: kept, with its acquisition lock started anew; a terminal acknowledgement must follow. Kafka 4.2 or newer.
 */
export const AcknowledgeType = {
  ACCEPT: 'ACCEPT',
  RELEASE: 'RELEASE',
  REJECT: 'REJECT',
  RENEW: 'RENEW',
} as const
export type AcknowledgeType = (typeof AcknowledgeType)[keyof typeof AcknowledgeType]

/** The acknowledgement types as they stand on the wire. GAP is never chosen by an application. */
export const AckCode = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const
export type AckCode = (typeof AckCode)[keyof typeof AckCode]

/** The acknowledgement type of a wire form; undefined for GAP. */
export function acknowledgeTypeOf(code: number): AcknowledgeType | undefined {
  return ([undefined, 'ACCEPT', 'RELEASE', 'REJECT', 'RENEW'] as const)[code]
}

/** The wire form of an acknowledgement type; anything that is not one is the caller's mistake. */
export function ackCodeOf(type: AcknowledgeType): AckCode {
  switch (type) {
    case 'ACCEPT':
      return AckCode.ACCEPT
    case 'RELEASE':
      return AckCode.RELEASE
    case 'REJECT':
      return AckCode.REJECT
    case 'RENEW':
      return AckCode.RENEW
    default:
      throw new KafkaUsageError(
        `${JSON.stringify(type)} is not an acknowledge type: use one of ${Object.keys(AcknowledgeType).join(', ')}.`,
      )
  }
}
