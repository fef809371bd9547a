import type { AppKind } from './apps/app.js'
import type { Finding } from './findings.js'

export interface ToWorker {
  readonly seed: number
  readonly keepStory: boolean
  readonly kinds: readonly AppKind[]
}

export interface FromWorker {
  readonly seed: number
  readonly hash: string
  readonly findings: readonly Finding[]
  readonly tally: readonly (readonly [string, number])[]
  readonly lines: readonly string[]
}
