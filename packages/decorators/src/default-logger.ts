import type { Logger } from '@milena/protocol/runtime'
import { pino, type DestinationStream, type LoggerOptions } from 'pino'
import type { SecretRedaction } from './secret-redaction.js'

// Written at once: an application that ends by a signal has no time for lines that wait.
const standardOutput = (): DestinationStream => pino.destination({ dest: 1, sync: true })

/** The logger of an application that gives none: pino, level info, to standard output, which writes no secret. */
export function redactingLogger(redaction: SecretRedaction, destination = standardOutput()): Logger {
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
  const logger = pino(options, destination)
  // Of the facts of children neither hooks nor formatters of their parent are told. They inherit this.
  const child = Reflect.get(logger, 'child') as (...given: unknown[]) => Logger
  const cleanChild = function (this: unknown, facts: unknown, ...rest: unknown[]): Logger {
    return child.call(this, redaction.facts(facts), ...rest)
  }
  return Object.assign(logger, { child: cleanChild })
}
