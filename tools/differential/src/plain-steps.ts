import type { AckPlan, AckStep, FetchStep, Seat } from './step.js'

/** A fetch of all there is, by member 0. */
export const plainFetch: FetchStep = {
  kind: 'fetch',
  member: 0,
  open: [],
  add: [],
  forget: [],
  acks: [],
  version: 2,
  mode: 0,
  renew: false,
  close: false,
  maxRecords: 500,
  batchSize: 500,
  maxBytes: 0x7fff_ffff,
  minBytes: 1,
  maxWaitMs: 0,
  fault: 'none',
  park: false,
}

export function closing(member: number): AckStep {
  return { kind: 'ack', member, acks: [], version: 2, renew: false, close: true, fault: 'none' }
}

export function draining(open: readonly Seat[]): FetchStep {
  return { ...plainFetch, open }
}

export function acceptingAll(seats: readonly Seat[]): AckStep {
  const acks = seats.map((seat): AckPlan => ({ seat, shape: 'everything', types: [1], at: 0, share: 1 }))
  return { kind: 'ack', member: 0, acks, version: 2, renew: false, close: false, fault: 'none' }
}
