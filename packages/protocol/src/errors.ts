import { errorMessageOf, errorName, isRetriable } from './error-codes.js'

/** What an error may be given besides its message. */
export interface KafkaErrorOptions {
  /** Kafka's name of the error, or one of ours; upper case with underscores. */
  readonly code?: string
  /** Whether trying the same again later may succeed. */
  readonly retriable?: boolean
  readonly cause?: unknown
}

// instanceof fails where two copies of this package are loaded (one by import, one by a nested dependency). The marks are
// found in the registry that all copies share.
const ANY = Symbol.for('@milena/protocol/KafkaError')
const BROKER = Symbol.for('@milena/protocol/KafkaBrokerError')
const CONNECTION = Symbol.for('@milena/protocol/KafkaConnectionError')
const TIMEOUT = Symbol.for('@milena/protocol/KafkaTimeoutError')
const PROTOCOL = Symbol.for('@milena/protocol/KafkaProtocolError')
const USAGE = Symbol.for('@milena/protocol/KafkaUsageError')
const UNSUPPORTED_VERSION = Symbol.for('@milena/protocol/KafkaUnsupportedVersionError')

function mark(prototype: object, brand: symbol, name: string): void {
  Object.defineProperty(prototype, brand, { value: true })
  Object.defineProperty(prototype, 'name', { value: name, configurable: true, writable: true })
}

function isMarked(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && brand in value
}

/** The root of everything that Milena throws or rejects with. Sorted by who is at fault; see the subclasses. */
export class KafkaError extends Error {
  // Subclasses declare their own name: classes that look alike are the same to TypeScript, and narrowing by is() would go
  // wrong.
  /** Kafka's name of the error, or one of ours (`ABORTED`, `MALFORMED_BYTES` …). Stable: programs may test it. */
  readonly code: string
  /** Whether trying the same again later may succeed. */
  readonly retriable: boolean

  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code ?? 'UNKNOWN'
    this.retriable = options.retriable ?? false
  }

  static {
    mark(this.prototype, ANY, 'KafkaError')
  }

  /** Whether `value` is one, also when it comes from another copy of this package. */
  static is(value: unknown): value is KafkaError {
    return isMarked(value, ANY)
  }
}

export interface KafkaBrokerErrorOptions {
  readonly errorCode: number
  /** The API that was answered so, e.g. `ShareFetch`. */
  readonly api?: string
  readonly cause?: unknown
}

/** A broker answered with an error code. `code` is the code's name, `retriable` what Kafka says of it. */
export class KafkaBrokerError extends KafkaError {
  declare readonly name: 'KafkaBrokerError'
  readonly errorCode: number
  /** Kafka's name of the code; `ERROR_<code>` for one that this version does not know. */
  readonly errorName: string
  readonly api: string | undefined

  constructor(message: string, options: KafkaBrokerErrorOptions) {
    const name = errorName(options.errorCode)
    super(message, { code: name, retriable: isRetriable(options.errorCode), cause: options.cause })
    this.errorCode = options.errorCode
    this.errorName = name
    this.api = options.api
  }

  static {
    mark(this.prototype, BROKER, 'KafkaBrokerError')
  }

  static override is(value: unknown): value is KafkaBrokerError {
    return isMarked(value, BROKER)
  }

  /**
   * The error for a code, with a message made of what is known: the API, the code's name and meaning, and what the broker
   * itself said (`detail`, from the answer's error message field).
   */
  static of(
    errorCode: number,
    context: { readonly api?: string; readonly detail?: string | null } = {},
  ): KafkaBrokerError {
    const { api, detail } = context
    const subject = api === undefined ? 'The broker answered' : `The broker answered ${api}`
    const said = detail === undefined || detail === null || detail === '' ? '' : ` The broker says: ${detail}`
    const message = `${subject} with ${errorName(errorCode)} (${errorCode}): ${errorMessageOf(errorCode)}${said}`
    return new KafkaBrokerError(message, { errorCode, ...(api === undefined ? {} : { api }) })
  }
}

/** A connection could not be made or has ended. Retriable, code NETWORK_EXCEPTION, unless said otherwise. */
export class KafkaConnectionError extends KafkaError {
  declare readonly name: 'KafkaConnectionError'
  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, { code: 'NETWORK_EXCEPTION', retriable: true, ...options })
  }

  static {
    mark(this.prototype, CONNECTION, 'KafkaConnectionError')
  }

  static override is(value: unknown): value is KafkaConnectionError {
    return isMarked(value, CONNECTION)
  }
}

/** Something did not happen in time. Retriable, code REQUEST_TIMED_OUT, unless said otherwise. */
export class KafkaTimeoutError extends KafkaError {
  declare readonly name: 'KafkaTimeoutError'
  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, { code: 'REQUEST_TIMED_OUT', retriable: true, ...options })
  }

  static {
    mark(this.prototype, TIMEOUT, 'KafkaTimeoutError')
  }

  static override is(value: unknown): value is KafkaTimeoutError {
    return isMarked(value, TIMEOUT)
  }
}

/** Bytes came that cannot be read. Code MALFORMED_BYTES, not retriable, unless said otherwise. */
export class KafkaProtocolError extends KafkaError {
  declare readonly name: 'KafkaProtocolError'
  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, { code: 'MALFORMED_BYTES', ...options })
  }

  static {
    mark(this.prototype, PROTOCOL, 'KafkaProtocolError')
  }

  static override is(value: unknown): value is KafkaProtocolError {
    return isMarked(value, PROTOCOL)
  }
}

/** The caller made a mistake; the message says what to do instead. Code INVALID_USAGE, not retriable, unless said otherwise. */
export class KafkaUsageError extends KafkaError {
  declare readonly name: 'KafkaUsageError'
  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, { code: 'INVALID_USAGE', ...options })
  }

  static {
    mark(this.prototype, USAGE, 'KafkaUsageError')
  }

  static override is(value: unknown): value is KafkaUsageError {
    return isMarked(value, USAGE)
  }
}

/** The broker is too old, or a feature is off there, for what is asked. Code UNSUPPORTED_VERSION, not retriable. */
export class KafkaUnsupportedVersionError extends KafkaError {
  declare readonly name: 'KafkaUnsupportedVersionError'
  constructor(message: string, options: KafkaErrorOptions = {}) {
    super(message, { code: 'UNSUPPORTED_VERSION', ...options })
  }

  static {
    mark(this.prototype, UNSUPPORTED_VERSION, 'KafkaUnsupportedVersionError')
  }

  static override is(value: unknown): value is KafkaUnsupportedVersionError {
    return isMarked(value, UNSUPPORTED_VERSION)
  }
}
