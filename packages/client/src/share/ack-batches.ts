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

/** How many offsets they answer. */
export function offsetsOfPieces(pieces: readonly SentPiece[]): number {
  let offsets = 0
  for (const { from, to } of pieces) offsets += to - from
  return offsets
}

/** Equal types in a row from which on they are worth a batch of their own. */
const LONG_STRETCH = 10

/** Takes every unsent answer out of the ranges of one partition, marking them as sent. */
export function takeAcknowledgements(ranges: Iterable<AcquiredRange>): SentAcknowledgements {
  const pieces: SentPiece[] = []
  for (const range of ranges) for (const { from, to } of range.sendRuns()) pieces.push({ range, from, to })
  // Ranges may enclose one another: an offset whose lock ran out may have been acquired again by this member.
  pieces.sort((a, b) => a.range.firstOffset + a.from - (b.range.firstOffset + b.from))
  const batches: AcknowledgementBatch[] = []
  for (const piece of pieces) appendPiece(batches, piece)
  return { batches, pieces }
}

function appendPiece(batches: AcknowledgementBatch[], { range, from, to }: SentPiece): void {
  const { firstOffset } = range
  let mixedFrom = from
  let i = from
  while (i < to) {
    const type = range.typeAt(i)
    let end = i + 1
    while (end < to && range.typeAt(end) === type) end++
    const whole = i === from && end === to
    if (whole || end - i > LONG_STRETCH) {
      if (mixedFrom < i) batches.push(perOffset(range, mixedFrom, i))
      appendUniform(batches, firstOffset + i, firstOffset + end - 1, type)
      mixedFrom = end
    }
    i = end
  }
  if (mixedFrom < to) batches.push(perOffset(range, mixedFrom, to))
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

function perOffset(range: AcquiredRange, from: number, to: number): AcknowledgementBatch {
  const acknowledgeTypes: number[] = []
  for (let i = from; i < to; i++) acknowledgeTypes.push(range.typeAt(i))
  return { firstOffset: range.firstOffset + from, lastOffset: range.firstOffset + to - 1, acknowledgeTypes }
}
