import { AckType, type AckPlan } from './step.js'

export interface AckBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly acknowledgeTypes: number[]
}

/** What is known of a partition when an acknowledgement is made up. All offsets ascending. */
export interface PartitionView {
  readonly mine: readonly number[]
  readonly others: readonly number[]
  readonly finished: readonly number[]
  readonly available: readonly number[]
  /** The offset behind the last that was ever acquired. */
  readonly end: number
}

interface Run {
  readonly first: number
  readonly last: number
}

/** The batches that a plan means here. Where there is nothing to choose from, the lowest offsets take its place. */
export function batchesOf(plan: AckPlan, view: PartitionView): AckBatch[] {
  const { at, share, types } = plan
  const batch = ({ first, last }: Run, ofTypes: readonly number[] = types): AckBatch => ({
    firstOffset: first,
    lastOffset: last,
    acknowledgeTypes: spread(ofTypes, first, last),
  })
  const mine = runsOf(view.mine)
  const run = mine[Math.floor(at * mine.length)] ?? { first: 0, last: Math.floor(share * 4) }
  const half = slice(run, at, share / 2)
  switch (plan.shape) {
    case 'everything':
      return (mine.length === 0 ? [run] : mine).map((each) => batch(each))
    case 'run':
      return [batch(run)]
    case 'slice':
      return [batch(slice(run, at, share))]
    case 'everySecond':
      return offsetsOf(run)
        .filter((offset) => (offset - run.first) % 2 === 0)
        .slice(0, 40)
        .map((offset) => batch({ first: offset, last: offset }, [typeAt(types, offset)]))
    case 'othersOffsets':
      return [batch(chosen(runsOf(view.others), at, share))]
    case 'finished':
      return [batch(chosen(runsOf(view.finished), at, share))]
    case 'available':
      return [batch(chosen(runsOf(view.available), at, share))]
    case 'below':
      return [batch({ first: 0, last: Math.floor(share * 3) })]
    case 'beyond':
      return [batch({ first: Math.max(0, Math.min(run.first, view.end - 1)), last: view.end + Math.floor(share * 3) })]
    case 'farBeyond':
      return [batch({ first: view.end + 2, last: view.end + 2 + Math.floor(share * 3) })]
    case 'reversed':
      return [{ firstOffset: run.last + 1, lastOffset: run.first, acknowledgeTypes: [typeAt(types, 0)] }]
    case 'overlapping':
      return [batch({ first: run.first, last: run.first + 2 }), batch({ first: run.first + 1, last: run.first + 3 })]
    case 'touching':
      return [batch({ first: run.first, last: half.last }), batch({ first: half.last, last: run.last })]
    case 'descending':
      return [batch({ first: run.first + 2, last: run.first + 3 }), batch({ first: run.first, last: run.first + 1 })]
    case 'noTypes':
      return [{ firstOffset: run.first, lastOffset: run.last, acknowledgeTypes: [] }]
    case 'typesTooFew':
      return [{ firstOffset: run.first, lastOffset: run.first + 3, acknowledgeTypes: [AckType.ACCEPT, AckType.ACCEPT] }]
    case 'badType':
      return [
        { firstOffset: run.first, lastOffset: run.last, acknowledgeTypes: [[-1, 5, 100][Math.floor(at * 3)] ?? 5] },
      ]
    case 'noBatches':
      return []
    case 'halfWrong':
      return [batch(half), batch({ first: view.end + 1, last: view.end + 2 })]
  }
}

/** Neighbours joined. */
export function runsOf(offsets: readonly number[]): Run[] {
  const runs: Run[] = []
  let first = offsets[0]
  if (first === undefined) return runs
  let last = first
  for (const offset of offsets.slice(1)) {
    if (offset !== last + 1) {
      runs.push({ first, last })
      first = offset
    }
    last = offset
  }
  runs.push({ first, last })
  return runs
}

function chosen(runs: readonly Run[], at: number, share: number): Run {
  const run = runs[Math.floor(at * runs.length)]
  return run === undefined ? { first: 0, last: Math.floor(share * 2) } : slice(run, at, share)
}

function slice({ first, last }: Run, at: number, share: number): Run {
  const length = Math.max(1, Math.ceil((last - first + 1) * share))
  const start = first + Math.floor((last - first + 2 - length) * at)
  return { first: Math.min(start, last), last: Math.min(start + length - 1, last) }
}

function offsetsOf({ first, last }: Run): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function spread(types: readonly number[], first: number, last: number): number[] {
  if (types.length <= 1 || last < first) return [...types]
  return offsetsOf({ first, last }).map((offset) => typeAt(types, offset))
}

function typeAt(types: readonly number[], offset: number): number {
  return types[offset % types.length] ?? AckType.ACCEPT
}
