import type { WallResult } from './wall.js'

/** From a wall's process to the driver. */
export type FromWall =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'ask'; readonly id: number; readonly what: 'reset' | 'requests' | 'kill' | 'start' }
  | { readonly kind: 'result'; readonly result: WallResult }
  | { readonly kind: 'failed'; readonly reason: string }

/** The driver's answer to an `ask`. */
export interface ToWall {
  readonly id: number
  readonly value: number | readonly number[]
}
