import { AckCode, type Acquisition } from './acquisitions.js'

/** Whether the application's word is this answer. */
export function isAnswer({ intent }: Acquisition, type: number): boolean {
  return intent !== undefined && AckCode[intent] === type
}

/** What is wrong with sending this answer for a record. */
export function answerFault(
  acquisition: Acquisition,
  type: number,
  isRecord: boolean,
  isUndecodable: boolean,
): string | undefined {
  const { intent, isCorrupt } = acquisition
  switch (type) {
    case AckCode.GAP:
      return isRecord ? 'it is called a gap, and it is a record' : undefined
    case AckCode.ACCEPT:
      return intent === 'ACCEPT'
        ? undefined
        : `it is accepted, and the application ${intent === undefined ? 'has not answered' : `said ${intent}`}`
    case AckCode.REJECT:
      return intent === 'REJECT' || isCorrupt || isUndecodable
        ? undefined
        : `it is rejected, and the application ${intent === undefined ? 'has not answered' : `said ${intent}`}`
    case AckCode.RELEASE:
      if (!isRecord) return undefined
      return acquisition.owed > 0 && intent !== 'RELEASE'
        ? `it is released, and the application said ${intent}`
        : undefined
    default:
      return `there is no answer ${type}`
  }
}
