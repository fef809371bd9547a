/** One log line: the facts first, then the sentence. */
export type LogMethod = (bindings: object, message: string) => void

/** What Milena asks of a logger. A pino logger is one as it stands. */
export interface Logger {
  readonly trace: LogMethod
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
  /** A logger that adds these facts to each of its lines. */
  child(bindings: object): Logger
  /** Asked before costly lines are put together; a logger without it is taken to want them all. */
  isLevelEnabled?(level: LogLevel): boolean
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

const nothing: LogMethod = () => undefined

/** Says nothing. */
export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
  isLevelEnabled: () => false,
}
