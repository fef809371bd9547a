import type { Clock, Logger, LogLevel, LogMethod } from '@milena/protocol/runtime'

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/** A logger for people: the time of day and the sentence; warnings and errors are marked. The facts beside it are left out. */
export function sentenceLogger(clock: Clock, least: LogLevel, write: (line: string) => void): Logger {
  const from = levels.indexOf(least)
  const method =
    (level: LogLevel): LogMethod =>
    (_, message) => {
      if (levels.indexOf(level) < from) return
      const time = new Date(clock.wallTime()).toISOString().slice(11, 23)
      const mark = level === 'warn' ? 'WARN  ' : level === 'error' ? 'ERROR ' : ''
      write(`${time}  ${mark}${message}`)
    }
  const logger: Logger = {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: () => logger,
    isLevelEnabled: (level) => levels.indexOf(level) >= from,
  }
  return logger
}
