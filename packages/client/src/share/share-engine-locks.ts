import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { BrokerManagers } from './broker-managers.js'
import { LockKeeper } from './lock-keeper.js'
import type { ShareCounters } from './share-counters.js'
import type { ShareIntake } from './share-intake.js'

/** The parts of a member that its lock keeper looks at. */
export interface KeptMember<K, V> {
  readonly context: KafkaClientContext
  readonly groupId: string
  readonly counters: ShareCounters
  readonly intake: ShareIntake<K, V>
  readonly managers: () => BrokerManagers
  /** The application stands still. */
  readonly stood: () => void
}

/** The lock keeper of one member. */
export function keeperOf<K, V>({ context, groupId, counters, intake, managers, stood }: KeptMember<K, V>): LockKeeper {
  return new LockKeeper({
    clock: context.clock,
    logger: context.logger,
    groupId,
    lockMs: () => intake.lockMs,
    ranges: () => managers().ranges(),
    queue: () => intake.positions(),
    startsWithin: (ms) => intake.startsWithin(ms),
    stands: () => intake.stands(),
    stood,
    released: () => intake.recount(),
    renewed: (records) => {
      counters.lockRenewals += records
    },
  })
}
