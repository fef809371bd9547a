import type { AcquiredRange } from './acquired-range.js'

// From answered ranges to the batches of an acknowledging request. Pure.
//
// The broker wants the batches of a partition ordered and disjoint, and a batch's types either one for all of it
// or one per offset (KIP-932). Like Java's client, long stretches of one type become a batch of their own.

export interface AcknowledgementBatch {
  firstOffset: number
  lastOffset: number
  acknowledgeTypes: number[]
}

/** A piece of a range that a request carries; its verdict comes with the partition's. */
export interface SentPiece {
  readonly range: AcquiredRange
  readonly from: number
  readonly to: number
}

/** What a request carries for one partition. */
export interface SentAcknowledgements {
  readonly batches: readonly AcknowledgementBatch[]
  readonly pieces: readonly SentPiece[]
}

/** Equal types in a row from which on they are worth a batch of their own. */
const LONG_STRETCH = 10

/** Takes every unsent answer out of the ranges of one partition, marking them as sent. */
export function takeAcknowledgements(ranges: Iterable<AcquiredRange>): SentAcknowledgements {
  const ordered = [...ranges].sort((a, b) => a.firstOffset - b.firstOffset)
  const batches: AcknowledgementBatch[] = []
  const pieces: SentPiece[] = []
  for (const range of ordered) {
    range.sendRuns((_, from, states, to) => {
      pieces.push({ range, from, to })
      appendRun(batches, range.firstOffset, from, states, to)
    })
  }
  return { batches, pieces }
}

function appendRun(batches: AcknowledgementBatch[], baseOffset: number, from: number, states: Uint8Array, to: number): void {
  let mixedFrom = from
  let i = from
  while (i < to) {
    const type = states[i] as number
    let end = i + 1
    while (end < to && states[end] === type) end++
    const whole = i === from && end === to
    if (whole || end - i > LONG_STRETCH) {
      if (mixedFrom < i) batches.push(perOffset(baseOffset, mixedFrom, states, i))
      appendUniform(batches, baseOffset + i, baseOffset + end - 1, type)
      mixedFrom = end
    }
    i = end
  }
  if (mixedFrom < to) batches.push(perOffset(baseOffset, mixedFrom, states, to))
}

function appendUniform(batches: AcknowledgementBatch[], firstOffset: number, lastOffset: number, type: number): void {
  const previous = batches.at(-1)
  const continues =
    previous !== undefined &&
    previous.lastOffset === firstOffset - 1 &&
    previous.acknowledgeTypes.length === 1 &&
    previous.acknowledgeTypes[0] === type
  if (continues) previous.lastOffset = lastOffset
  else batches.push({ firstOffset, lastOffset, acknowledgeTypes: [type] })
}

function perOffset(baseOffset: number, from: number, states: Uint8Array, to: number): AcknowledgementBatch {
  return {
    firstOffset: baseOffset + from,
    lastOffset: baseOffset + to - 1,
    acknowledgeTypes: Array.from(states.subarray(from, to)),
  }
}
