import {
  ErrorCode,
  FindCoordinator,
  isRetriable,
  KafkaBrokerError,
  KafkaTimeoutError,
  KafkaUsageError,
} from '@milena/protocol'
import type { RequestInput, ResponseOf } from '@milena/protocol'
import { abandonable } from './abandonable.js'
import { brokerError } from './broker-error.js'
import type { BrokerNode } from './topic-metadata.js'

/** FindCoordinator's key type for groups of every kind (classic, consumer, share). */
const GROUP_KEY = 0

/** What Coordinators needs from outside. */
export interface CoordinatorsOptions {
  /** Sends a request to any broker; repeats it with back-off while `errorOf` gives a retriable code, within a bound. */
  readonly ask: (
    body: RequestInput<typeof FindCoordinator>,
    errorOf: (response: ResponseOf<typeof FindCoordinator>) => number,
  ) => Promise<ResponseOf<typeof FindCoordinator>>
  /** Told where a coordinator listens: the metadata may not know that node yet. */
  readonly addBroker: (broker: BrokerNode) => void
}

/** Which broker coordinates which group. Found once, kept until somebody says that it is wrong. */
export class Coordinators {
  readonly #options: CoordinatorsOptions
  readonly #found = new Map<string, Promise<number>>()

  constructor(options: CoordinatorsOptions) {
    this.#options = options
  }

  /**
   * The node id of the group's coordinator. Callers that ask at the same time share one request. While the cluster says
   * that it has none at the moment (it is just starting, or moving), the request is repeated with back-off.
   * Rejects with KafkaBrokerError (authorisation, an invalid group id), KafkaConnectionError or KafkaTimeoutError.
   */
  find(groupId: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    if (typeof groupId !== 'string' || groupId === '') {
      return Promise.reject(
        new KafkaUsageError('A group id must be a text that is not empty. Set groupId.', { code: 'INVALID_GROUP_ID' }),
      )
    }
    let found = this.#found.get(groupId)
    if (found === undefined) {
      found = this.#find(groupId)
      this.#found.set(groupId, found)
      const mine = found
      found.catch(() => {
        if (this.#found.get(groupId) === mine) this.#found.delete(groupId)
      })
    }
    return options.signal === undefined ? found : abandonable(found, options.signal)
  }

  /** Call it after NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE or a dead connection: the next find() asks the cluster again. */
  forget(groupId: string): void {
    this.#found.delete(groupId)
  }

  /** All of them: the brokers that told of them are given up. */
  forgetAll(): void {
    this.#found.clear()
  }

  async #find(groupId: string): Promise<number> {
    const response = await this.#options
      .ask({ keyType: GROUP_KEY, coordinatorKeys: [groupId] }, (answer) => {
        const code = answer.coordinators[0]?.errorCode ?? ErrorCode.COORDINATOR_NOT_AVAILABLE
        return isRetriable(code) ? code : ErrorCode.NONE
      })
      .catch((error: unknown) => {
        throw nobodyCoordinates(groupId, error)
      })
    const coordinator = response.coordinators[0]
    if (coordinator === undefined)
      throw brokerError(FindCoordinator.name, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, `group '${groupId}'`)
    const { errorCode, errorMessage, nodeId, host, port } = coordinator
    if (errorCode !== ErrorCode.NONE)
      throw brokerError(FindCoordinator.name, errorCode, errorMessage, `group '${groupId}'`)
    this.#options.addBroker({ nodeId, host, port, rack: null })
    return nodeId
  }
}

/** A cluster that never names a coordinator has no topic for its groups, which has one cause on most first days. */
function nobodyCoordinates(groupId: string, error: unknown): unknown {
  if (!KafkaTimeoutError.is(error) || !KafkaBrokerError.is(error.cause)) return error
  if (error.cause.errorCode !== ErrorCode.COORDINATOR_NOT_AVAILABLE) return error
  return new KafkaTimeoutError(
    `The cluster names no coordinator for group '${groupId}'. If it is not just starting, it could not make its topic ` +
      '__consumer_offsets: offsets.topic.replication.factor in the configuration of the brokers must not be more than there ' +
      `are brokers. (${error.message})`,
    { cause: error.cause },
  )
}
