import { RecordBatchBuilder, type BuildBatchOptions } from '@milena/protocol'
import type { BatchPlan } from './step.js'

/** The batch as a producer sends it. Its bytes depend on nothing but the plan and the date, so that it has one size everywhere. */
export async function batchBytes(plan: BatchPlan, date: number, options: BuildBatchOptions = {}): Promise<Buffer> {
  const builder = new RecordBatchBuilder({ compression: plan.compression })
  for (let index = 0; index < plan.records; index++) {
    const value = Buffer.alloc(plan.valueBytes, index + 32)
    builder.append({ timestamp: date - plan.ageMs, key: null, value })
  }
  return builder.build(options)
}
