import { CommandLineError, parseCommandLine, type CommandLine, type OptionSpec } from '@milena/tools-java-habits'

const specs = {
  help: { letter: 'h' },
  topic: { value: 'required' },
  'group-id': { value: 'required' },
  'max-messages': { value: 'required' },
  verbose: {},
  'acknowledgement-mode': { value: 'required' },
  'offset-reset-strategy': { value: 'required' },
  'command-config': { value: 'required' },
  'bootstrap-server': { value: 'required' },
} as const satisfies Record<string, OptionSpec>

const REQUIRED = ['topic', 'group-id', 'bootstrap-server'] as const

export const USAGE = `usage: verifiable-share-consumer
       [-h] --topic TOPIC --group-id GROUP-ID
       [--max-messages MAX-MESSAGES] [--verbose]
       [--acknowledgement-mode ACKNOWLEDGEMENT-MODE]
       [--offset-reset-strategy OFFSET-RESET-STRATEGY]
       [--command-config CONFIG-FILE]
       --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]`

export const HELP = `${USAGE}

Joins a share group, consumes a topic, and tells what happens (started, records
received, offsets acknowledged, stopped) as JSON on standard output, one object
per line.

options:
  -h, --help             print this text and end
  --topic TOPIC          the topic to consume
  --group-id GROUP-ID    the share group to join
  --max-messages MAX-MESSAGES
                         end when so many offsets are acknowledged; -1, the
                         default, goes on until the process is told to end
  --verbose              print each consumed record, too
  --acknowledgement-mode ACKNOWLEDGEMENT-MODE
                         auto (default): the next poll acknowledges what the
                         last one returned; sync or async: each batch is
                         committed at once, and waited for or not
  --offset-reset-strategy OFFSET-RESET-STRATEGY
                         earliest or latest, set on the group before it is
                         joined; by default the group stays as it is
  --command-config CONFIG-FILE
                         a Java properties file of client configuration; what
                         is also given as a flag is taken from the flag
  --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]
                         the brokers to connect to first`

export const acknowledgementModes = ['auto', 'async', 'sync'] as const
export type Mode = (typeof acknowledgementModes)[number]

export interface Flags {
  readonly topic: string
  readonly groupId: string
  /** Negative: without end. */
  readonly maxMessages: number
  readonly verbose: boolean
  readonly mode: Mode
  /** Lower case; empty: the group stays as it is. */
  readonly offsetResetStrategy: string
  readonly commandConfig: string | undefined
  readonly bootstrapServer: string
}

/** The flags, or 'help' where that was asked for. Throws CommandLineError. */
export function readFlags(words: readonly string[]): Flags | 'help' {
  const line = parseCommandLine(
    words,
    specs,
    { cutShort: true, repeated: 'last', stray: 'refused', singleDash: false, dashedValues: false },
    ['help'],
  )
  if (line.has('help')) return 'help'
  for (const name of REQUIRED) required(line, name)
  return {
    topic: required(line, 'topic'),
    groupId: required(line, 'group-id'),
    maxMessages: line.wholeNumber('max-messages', -1),
    verbose: line.has('verbose'),
    mode: modeOf(line.value('acknowledgement-mode') ?? 'auto'),
    offsetResetStrategy: (line.value('offset-reset-strategy') ?? '').toLowerCase(),
    commandConfig: line.value('command-config'),
    bootstrapServer: required(line, 'bootstrap-server'),
  }
}

function required(line: CommandLine, name: (typeof REQUIRED)[number]): string {
  const value = line.value(name)
  if (value === undefined) throw new CommandLineError(`argument --${name} is required`)
  return value
}

function modeOf(text: string): Mode {
  const mode = acknowledgementModes.find((each) => each === text.toLowerCase())
  if (mode !== undefined) return mode
  throw new CommandLineError(`argument --acknowledgement-mode: '${text}' is none of ${acknowledgementModes.join(', ')}`)
}
