import type { Logger, LogLevel } from '@milena/protocol/runtime'

const ORDER: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

/**
 * The logger of whoever gives none: warnings and errors go to standard error, one line each; the rest is dropped. So a missing topic or
 * a lost broker is seen on the first day, without any set-up. Give a pino logger for more.
 */
export function consoleLogger(options: { readonly level?: LogLevel; readonly bindings?: object } = {}): Logger {
  const level = options.level ?? 'warn'
  const bindings = options.bindings ?? {}
  const method = (name: LogLevel) =>
    ORDER.indexOf(name) < ORDER.indexOf(level)
      ? () => undefined
      : (facts: object, message: string) =>
          console.error(`milena ${name}: ${message}${factsOf({ ...bindings, ...facts })}`)
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (more) => consoleLogger({ level, bindings: { ...bindings, ...more } }),
    isLevelEnabled: (name) => ORDER.indexOf(name) >= ORDER.indexOf(level),
  }
}

function factsOf(facts: object): string {
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined)
  if (shown.length === 0) return ''
  return ` (${shown.map(([name, value]) => `${name}=${textOf(value)}`).join(', ')})`
}

/** Values are whatever an application throws: reading them may throw, too. */
function textOf(value: unknown): string {
  try {
    if (value instanceof Error) return value.message
    if (typeof value === 'string') return value
    return JSON.stringify(value) ?? String(value)
  } catch {
    return plainTextOf(value)
  }
}

function plainTextOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'something that cannot be shown'
  }
}
