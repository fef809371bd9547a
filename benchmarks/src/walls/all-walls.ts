import { closeMidBatch } from './close-mid-batch.js'
import { firstRecord } from './first-record.js'
import { heldRecord } from './held-record.js'
import { hugeBatch } from './huge-batch.js'
import { idleNeighbour } from './idle-neighbour.js'
import { outage } from './outage.js'
import { resets } from './resets.js'
import { throughput } from './throughput.js'
import { twoConsumers } from './two-consumers.js'
import type { Wall } from './wall.js'

/** In the order in which they are run. */
export const allWalls: readonly Wall[] = [
  firstRecord,
  twoConsumers,
  heldRecord,
  closeMidBatch,
  resets,
  hugeBatch,
  throughput,
  idleNeighbour,
  outage,
]
