// Command lines as Kafka's Java tools take them.
//
// Rules kept here
// - A value follows its name as the next word or behind an equals sign. A name may be cut short where the habit is so, as long
//   as it stays unambiguous.
// - What is wrong is a CommandLineError; nothing else is thrown, whatever the words are.

/** What a command line may contain, by name without dashes. */
export interface OptionSpec {
  /** Whether a value follows. Default 'none': a switch. With 'optional' the value may be missing. */
  readonly value?: 'none' | 'required' | 'optional'
  /** Whether it may be given more than once; the values are collected. */
  readonly many?: boolean
  /** One-letter form, without the dash. */
  readonly letter?: string
}

/** How the Java library reads words that the tool stands for. */
export interface CommandLineHabits {
  /** Whether `--top` means `--topic`. */
  readonly cutShort: boolean
  /** A second value of an option that has one: the last counts, or it is an error. */
  readonly repeated: 'last' | 'refused'
  /** Words that belong to no option. */
  readonly stray: 'refused' | 'ignored'
  /** Whether `-topic` means `--topic`. */
  readonly singleDash: boolean
  /** Whether a value may begin with a dash without being a number. */
  readonly dashedValues: boolean
}

/** The command line is wrong; the message says what. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError'
}

/** What was given: a value for each name, several for options that may be repeated. A switch has an empty list. */
export class CommandLine {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  values(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** A whole number in the range of Java's int or long (as far as a double is exact); throws CommandLineError for anything else. */
  wholeNumber(name: string, fallback: number, range: 'int' | 'long' = 'int'): number {
    const text = this.value(name)
    if (text === undefined) return fallback
    const number = Number(text)
    const fits =
      range === 'int'
        ? number >= -2_147_483_648 && number <= 2_147_483_647
        : Math.abs(number) <= Number.MAX_SAFE_INTEGER
    if (/^[+-]?\d+$/.test(text) && fits) return number
    const largest = range === 'int' ? '2147483647' : String(Number.MAX_SAFE_INTEGER)
    throw new CommandLineError(`argument --${name}: '${text}' is not a whole number up to ${largest}`)
  }
}

/**
 * Reads a command line. Throws CommandLineError for an unknown or ambiguous name, a missing value and, by habit, for
 * repetitions and stray words. A name in `ends` (such as `help`) ends the reading: what follows is not looked at.
 */
export function parseCommandLine(
  words: readonly string[],
  specs: Readonly<Record<string, OptionSpec>>,
  habits: CommandLineHabits,
  ends: readonly string[] = [],
): CommandLine {
  const found = new Map<string, string[]>()
  const stray: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const option = optionIn(word, specs, habits)
    if (option === undefined) {
      stray.push(word)
      continue
    }
    const { name, spec, attached } = option
    const earlier = found.get(name)
    if (earlier !== undefined && habits.repeated === 'refused' && spec.many !== true && takesValue(spec))
      throw new CommandLineError(`argument --${name} is given more than once`)
    const values = earlier ?? []
    found.set(name, values)
    if (ends.includes(name)) break
    if (attached !== undefined) {
      if (!takesValue(spec)) throw new CommandLineError(`argument --${name} takes no value`)
      values.push(attached)
    } else if (takesValue(spec)) {
      const next = words[at + 1]
      if (next !== undefined && isValue(next, spec, habits)) {
        values.push(next)
        at += 1
      } else if (spec.value === 'required')
        throw new CommandLineError(`argument --${name}: a value is expected behind it`)
    }
  }
  const ended = ends.some((name) => found.has(name))
  const unknown = habits.stray === 'ignored' ? stray.filter((word) => /^-./.test(word)) : stray
  if (unknown.length > 0 && !ended)
    throw new CommandLineError(`unrecognized arguments: ${unknown.map((word) => `'${word}'`).join(' ')}`)
  return new CommandLine(found)
}

interface FoundOption {
  readonly name: string
  readonly spec: OptionSpec
  readonly attached: string | undefined
}

function optionIn(
  word: string,
  specs: Readonly<Record<string, OptionSpec>>,
  habits: CommandLineHabits,
): FoundOption | undefined {
  const dashes = word.startsWith('--') ? 2 : word.startsWith('-') ? 1 : 0
  if (dashes === 0 || word.length === dashes) return undefined
  const equals = word.indexOf('=')
  const given = equals === -1 ? word.slice(dashes) : word.slice(dashes, equals)
  const attached = equals === -1 ? undefined : word.slice(equals + 1)
  const entries = Object.entries(specs)
  if (dashes === 1) {
    const byLetter = entries.find(([, { letter }]) => letter === given)
    if (byLetter !== undefined) return { name: byLetter[0], spec: byLetter[1], attached }
    if (!habits.singleDash) return undefined
  }
  const exact = entries.filter(([name]) => name === given)
  const fitting = exact.length > 0 || !habits.cutShort ? exact : entries.filter(([name]) => name.startsWith(given))
  const [only, ...others] = fitting
  if (only === undefined) return undefined
  if (others.length > 0)
    throw new CommandLineError(
      `ambiguous option '${word}': it may be ${fitting.map(([name]) => `--${name}`).join(', ')}`,
    )
  return { name: only[0], spec: only[1], attached }
}

function takesValue({ value = 'none' }: OptionSpec): boolean {
  return value !== 'none'
}

function isValue(word: string, spec: OptionSpec, habits: CommandLineHabits): boolean {
  if (!word.startsWith('-') || word === '-' || /^-\d+$/.test(word)) return true
  return habits.dashedValues && spec.value === 'required'
}
