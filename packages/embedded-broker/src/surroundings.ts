import type { Clock, Logger, Random } from '@milena/protocol/runtime'
import type { DelayedOperations } from './delayed-operations.js'
import type { VersionProfile } from './version-profile.js'

/** What every part of the broker is given; parts take these and no more of the cluster than they need. */
export interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly profile: VersionProfile
  /** Requests that wait for something to happen, for all nodes. */
  readonly delayed: DelayedOperations
  /** To be called after any change that an inspection would show: who waits in `broker.until()` looks again. */
  readonly changed: () => void
}
