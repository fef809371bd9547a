import type { Logger, LogMethod } from '@milena/protocol/runtime'

/**
 * A logger whose failures end no member. What listeners throw is handed to it, and that may be anything: an error whose message throws
 * when it is read, a proxy that answers nothing. Such a line is written again without its facts; a logger that fails then, too, is
 * passed over.
 */
export function guardedLogger(logger: Logger): Logger {
  const guarded: Logger = {
    trace: guardedMethod((facts, message) => logger.trace(facts, message)),
    debug: guardedMethod((facts, message) => logger.debug(facts, message)),
    info: guardedMethod((facts, message) => logger.info(facts, message)),
    warn: guardedMethod((facts, message) => logger.warn(facts, message)),
    error: guardedMethod((facts, message) => logger.error(facts, message)),
    child: (bindings) => guardedLogger(logger.child(bindings)),
  }
  if (typeof logger.isLevelEnabled !== 'function') return guarded
  return { ...guarded, isLevelEnabled: (level) => logger.isLevelEnabled?.(level) ?? true }
}

function guardedMethod(write: LogMethod): LogMethod {
  return (facts, message) => {
    try {
      write(facts, message)
    } catch {
      try {
        write({}, `${message} (Its facts could not be written: one of them throws when it is read.)`)
      } catch {
        // There is nobody left to tell.
      }
    }
  }
}
