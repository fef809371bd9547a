import type { Logger, LogLevel, LogMethod } from '@milena/protocol/runtime'

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/** Facts that tell which one is meant; they are put behind a sentence that does not name them. */
const telling = ['groupId', 'memberId', 'transactionalId'] as const

/** A logger for people: sentences; warnings and errors are marked. Most facts beside them are left out. */
export function sentenceLogger(least: LogLevel, write: (sentence: string) => void): Logger {
  const from = levels.indexOf(least)
  const method =
    (level: LogLevel): LogMethod =>
    (facts, message) => {
      if (levels.indexOf(level) < from) return
      const mark = level === 'warn' ? 'WARN  ' : level === 'error' ? 'ERROR ' : ''
      write(`${mark}${message.replace(/\.$/, '')}${unnamed(facts, message)}`)
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

function unnamed(facts: object, message: string): string {
  const missing = telling.flatMap((name) => {
    const value: unknown = Reflect.get(facts, name)
    return typeof value === 'string' && value !== '' && !message.includes(value) ? [`${name} ${value}`] : []
  })
  return missing.length === 0 ? '' : ` (${missing.join(', ')})`
}
