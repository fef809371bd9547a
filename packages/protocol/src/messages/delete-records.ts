import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DeleteRecords (21), to a partition's leader: moves the log's start forward to an offset; -1 is the high watermark.
 *
 * - 0, 1: plain. 2: flexible.
 */
export const DeleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  minVersion: 0,
  maxVersion: 2,
  flexible: '2+',
  request: {
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            offset: field('0+', 'int64'),
          }),
        ),
      }),
    ),
    timeoutMs: field('0+', 'int32'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            lowWatermark: field('0+', 'int64'),
            errorCode: field('0+', 'int16'),
          }),
        ),
      }),
    ),
  },
})
