import type { Logger } from '@milena/protocol/runtime'
import { pino, type DestinationStream, type LoggerOptions } from 'pino'
import type { SecretRedaction } from './secret-redaction.js'

/** The logger of an application that gives none: pino, level info, to standard output, which writes no secret. */
export function redactingLogger(redaction: SecretRedaction, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    name: 'milena',
    hooks: {
      logMethod(args, method) {
        const [facts, ...rest] = args as unknown as readonly unknown[]
        const clean = [redaction.facts(facts), ...rest.map((each) => redaction.facts(each))]
        method.apply(this, clean as Parameters<typeof method>)
      },
    },
  }
  const logger = destination === undefined ? pino(options) : pino(options, destination)
  // Of the facts of children neither hooks nor formatters of their parent are told. They inherit this.
  const child = Reflect.get(logger, 'child') as (...given: unknown[]) => Logger
  const cleanChild = function (this: unknown, facts: unknown, ...rest: unknown[]): Logger {
    return child.call(this, redaction.facts(facts), ...rest)
  }
  return Object.assign(logger, { child: cleanChild })
}
