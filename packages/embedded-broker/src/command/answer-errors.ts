import { errorName } from '@milena/protocol'

/** The names of all errors that an answer tells, wherever in it: one for each place. */
export function errorsIn(answer: unknown): string[] {
  const found: string[] = []
  collect(answer, found)
  return found
}

function collect(value: unknown, found: string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) if (typeof each === 'object') collect(each, found)
    return
  }
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return
  for (const [name, each] of Object.entries(value)) {
    if (typeof each === 'object') collect(each, found)
    else if (typeof each === 'number' && each !== 0 && (name === 'errorCode' || name === 'acknowledgeErrorCode')) {
      found.push(errorName(each))
    }
  }
}
