import {
  RecordBatchReader,
  type Produce,
  type RequestOf,
  type ShareAcknowledge,
  type ShareFetch,
} from '@milena/protocol'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import type { EmbeddedBroker } from '../embedded-broker.js'

/** How often the counts are told. */
const TELL_EVERY_MS = 1000

const answers = ['gaps', 'accepted', 'released', 'rejected', 'renewed'] as const

interface Counts {
  produced: number
  acquired: number
  consumed: number
  answers: number[]
}

type AcknowledgingTopics = RequestOf<typeof ShareFetch>['topics'] | RequestOf<typeof ShareAcknowledge>['topics']

/**
 * Tells once a second what each client did, in numbers: a line per request would bury everything else.
 */
export class ActivityLog {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #counts = new Map<string, Counts>()
  #timer: Timer | undefined

  constructor(broker: EmbeddedBroker, logger: Logger) {
    this.#clock = broker.clock
    this.#logger = logger
    broker.intercept('*', ({ api, clientId, body }) => {
      switch (api) {
        case 'Produce':
          this.#of(clientId).produced += recordsIn(body as RequestOf<typeof Produce>)
          return undefined
        case 'ShareAcknowledge':
          this.#acknowledged(clientId, (body as RequestOf<typeof ShareAcknowledge>).topics)
          return undefined
        case 'ShareFetch':
          this.#acknowledged(clientId, (body as RequestOf<typeof ShareFetch>).topics)
          return {
            do: 'change',
            answer: (answer) => {
              this.#acquired(clientId, answer as unknown as AcquiringAnswer)
              return answer
            },
          }
        case 'Fetch':
          return {
            do: 'change',
            answer: (answer) => {
              this.#consumed(clientId, answer as unknown as FetchingAnswer)
              return answer
            },
          }
        default:
          return undefined
      }
    })
  }

  #of(clientId: string | null): Counts {
    const name = clientId ?? 'a client without a name'
    let counts = this.#counts.get(name)
    if (counts === undefined) {
      counts = { produced: 0, acquired: 0, consumed: 0, answers: [0, 0, 0, 0, 0] }
      this.#counts.set(name, counts)
    }
    this.#timer ??= this.#clock.setTimer(() => this.tell(), TELL_EVERY_MS, { unref: true })
    return counts
  }

  #acknowledged(clientId: string | null, topics: AcknowledgingTopics): void {
    for (const { partitions } of topics) {
      for (const { acknowledgementBatches } of partitions) {
        for (const { firstOffset, lastOffset, acknowledgeTypes } of acknowledgementBatches) {
          const counts = this.#of(clientId).answers
          for (const type of acknowledgeTypes) {
            const records = acknowledgeTypes.length === 1 ? Math.max(0, lastOffset - firstOffset + 1) : 1
            if (counts[type] !== undefined) counts[type] += records
          }
        }
      }
    }
  }

  #acquired(clientId: string | null, answer: AcquiringAnswer): void {
    for (const { partitions } of answer.responses) {
      for (const { acquiredRecords } of partitions) {
        for (const { firstOffset, lastOffset } of acquiredRecords) {
          this.#of(clientId).acquired += lastOffset - firstOffset + 1
        }
      }
    }
  }

  #consumed(clientId: string | null, answer: FetchingAnswer): void {
    for (const { partitions } of answer.responses) {
      for (const { records } of partitions) {
        const count = countRecords(records)
        if (count > 0) this.#of(clientId).consumed += count
      }
    }
  }

  /** Tells what was counted and begins anew. */
  tell(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [client, counts] of this.#counts) {
      const parts = [
        ...(counts.produced > 0 ? [`produced ${counts.produced}`] : []),
        ...(counts.consumed > 0 ? [`fetched ${counts.consumed}`] : []),
        ...(counts.acquired > 0 ? [`acquired ${counts.acquired}`] : []),
        ...counts.answers.flatMap((count, type) => (count > 0 ? [`${answers[type] ?? 'answered'} ${count}`] : [])),
      ]
      if (parts.length > 0) this.#logger.info({ client, ...counts }, `${client}: ${parts.join(', ')}`)
    }
    this.#counts.clear()
  }
}

interface AcquiringAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly acquiredRecords: readonly { readonly firstOffset: number; readonly lastOffset: number }[]
    }[]
  }[]
}

interface FetchingAnswer {
  readonly responses: readonly { readonly partitions: readonly { readonly records?: Buffer | null }[] }[]
}

function recordsIn({ topicData }: RequestOf<typeof Produce>): number {
  let count = 0
  for (const { partitionData } of topicData) for (const { records } of partitionData) count += countRecords(records)
  return count
}

/** As the batches say of themselves. */
function countRecords(records: Buffer | null | undefined): number {
  if (records === null || records === undefined) return 0
  let count = 0
  try {
    const reader = new RecordBatchReader(records)
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      if (!batch.isControl) count += batch.recordCount
    }
  } catch {
    // What cannot be read is refused by the log, with an error of its own.
  }
  return count
}
