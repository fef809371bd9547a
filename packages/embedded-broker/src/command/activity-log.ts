import {
  RecordBatchReader,
  type ApiVersions,
  type Produce,
  type RequestOf,
  type ShareAcknowledge,
  type ShareFetch,
} from '@milena/protocol'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import type { EmbeddedBroker } from '../embedded-broker.js'
import type { InterceptedRequest } from '../server/intercept.js'
import { errorsIn } from './answer-errors.js'

/** How often the counts are told, and looked who is still there. */
const TELL_EVERY_MS = 1000

const answers = ['gaps', 'accepted', 'released', 'rejected', 'renewed'] as const

interface Counts {
  produced: number
  acquired: number
  consumed: number
  answers: number[]
  /** By API and error, e.g. `ShareAcknowledge: INVALID_RECORD_STATE`. */
  readonly errors: Map<string, number>
}

type AcknowledgingTopics = RequestOf<typeof ShareFetch>['topics'] | RequestOf<typeof ShareAcknowledge>['topics']

/**
 * Tells who comes and goes, and once a second what each client did, in numbers: a line per request would bury everything else.
 */
export class ActivityLog {
  readonly #broker: EmbeddedBroker
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #clients = new Set<string>()
  readonly #counts = new Map<string, Counts>()
  #timer: Timer | undefined

  constructor(broker: EmbeddedBroker, logger: Logger) {
    this.#broker = broker
    this.#clock = broker.clock
    this.#logger = logger
    broker.intercept('*', (request) => {
      const { api, body } = request
      const client = nameOf(request.clientId)
      this.#met(client, request)
      if (api === 'Produce') this.#of(client).produced += recordsIn(body as RequestOf<typeof Produce>)
      if (api === 'ShareFetch' || api === 'ShareAcknowledge') {
        this.#acknowledged(client, (body as RequestOf<typeof ShareAcknowledge>).topics)
      }
      return {
        do: 'change',
        answer: (answer) => {
          this.#answered(client, api, answer)
          return answer
        },
      }
    })
  }

  #met(client: string, { api, body, principal }: InterceptedRequest): void {
    if (this.#clients.has(client)) return
    this.#clients.add(client)
    this.#tellLater()
    const { clientSoftwareName = '', clientSoftwareVersion = '' } =
      api === 'ApiVersions' ? (body as Partial<RequestOf<typeof ApiVersions>>) : {}
    const software = [clientSoftwareName, clientSoftwareVersion].filter((each) => each !== '').join(' ')
    const what = software === '' ? '' : ` (${software})`
    this.#logger.info({ client, software, principal }, `${client}${what} has connected`)
  }

  #of(client: string): Counts {
    let counts = this.#counts.get(client)
    if (counts === undefined) {
      counts = { produced: 0, acquired: 0, consumed: 0, answers: [0, 0, 0, 0, 0], errors: new Map() }
      this.#counts.set(client, counts)
    }
    this.#tellLater()
    return counts
  }

  #tellLater(): void {
    this.#timer ??= this.#clock.setTimer(() => this.tell(), TELL_EVERY_MS, { unref: true })
  }

  #acknowledged(client: string, topics: AcknowledgingTopics): void {
    for (const { partitions } of topics) {
      for (const { acknowledgementBatches } of partitions) {
        for (const { firstOffset, lastOffset, acknowledgeTypes } of acknowledgementBatches) {
          const counts = this.#of(client).answers
          for (const type of acknowledgeTypes) {
            const records = acknowledgeTypes.length === 1 ? Math.max(0, lastOffset - firstOffset + 1) : 1
            if (counts[type] !== undefined) counts[type] += records
          }
        }
      }
    }
  }

  #answered(client: string, api: string, answer: unknown): void {
    if (api === 'ShareFetch') this.#acquired(client, answer as AcquiringAnswer)
    if (api === 'Fetch') this.#consumed(client, answer as FetchingAnswer)
    for (const error of errorsIn(answer)) {
      const { errors } = this.#of(client)
      const name = `${api}: ${error}`
      errors.set(name, (errors.get(name) ?? 0) + 1)
    }
  }

  #acquired(client: string, { responses = [] }: AcquiringAnswer): void {
    for (const { partitions } of responses) {
      for (const { acquiredRecords = [] } of partitions) {
        for (const { firstOffset, lastOffset } of acquiredRecords) {
          this.#of(client).acquired += lastOffset - firstOffset + 1
        }
      }
    }
  }

  #consumed(client: string, { responses = [] }: FetchingAnswer): void {
    for (const { partitions } of responses) {
      for (const { records } of partitions) {
        const count = countRecords(records)
        if (count > 0) this.#of(client).consumed += count
      }
    }
  }

  /** Tells what was counted and who has gone, and begins anew. */
  tell(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [client, counts] of this.#counts) {
      const parts = [
        ...(counts.produced > 0 ? [`produced ${counts.produced}`] : []),
        ...(counts.consumed > 0 ? [`fetched ${counts.consumed}`] : []),
        ...(counts.acquired > 0 ? [`acquired ${counts.acquired}`] : []),
        ...counts.answers.flatMap((count, type) => (count > 0 ? [`${answers[type] ?? 'answered'} ${count}`] : [])),
        ...[...counts.errors].map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`)),
      ]
      if (parts.length > 0) this.#logger.info({ client }, `${client}: ${parts.join(', ')}`)
    }
    this.#counts.clear()
    const connected = new Set(this.#broker.inspect().brokers.flatMap(({ connections }) => connections.map(nameOf)))
    for (const client of this.#clients) {
      if (connected.has(client)) continue
      this.#clients.delete(client)
      this.#logger.info({ client }, `${client} has no connection any more`)
    }
    if (this.#clients.size > 0) this.#tellLater()
  }
}

interface AcquiringAnswer {
  readonly responses?: readonly {
    readonly partitions: readonly {
      readonly acquiredRecords?: readonly { readonly firstOffset: number; readonly lastOffset: number }[]
    }[]
  }[]
}

interface FetchingAnswer {
  readonly responses?: readonly { readonly partitions: readonly { readonly records?: Buffer | null }[] }[]
}

function nameOf(clientId: string | null): string {
  return clientId === null || clientId === '' ? 'a client without a name' : clientId
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
