import { describe, expect, it } from 'vitest'
import { CommandLineError, parseCommandLine } from '../src/command-line.js'
import type { CommandLineHabits } from '../src/command-line.js'

const specs = {
  help: { letter: 'h' },
  topic: { value: 'required' },
  timeout: { value: 'optional' },
  property: { value: 'required', many: true },
  verbose: {},
} as const

const strict: CommandLineHabits = {
  cutShort: true,
  repeated: 'last',
  stray: 'refused',
  singleDash: false,
  dashedValues: false,
}
const lenient: CommandLineHabits = {
  cutShort: false,
  repeated: 'refused',
  stray: 'ignored',
  singleDash: true,
  dashedValues: true,
}

const parse = (words: string, habits = strict) => parseCommandLine(words.split(' '), specs, habits, ['help'])

describe('A command line', () => {
  it('gives values behind a blank or an equals sign, and switches', () => {
    const line = parse('--topic orders --timeout=5 --verbose')
    expect([line.value('topic'), line.wholeNumber('timeout', 1), line.has('verbose'), line.has('property')]).toEqual([
      'orders',
      5,
      true,
      false,
    ])
  })

  it('takes names cut short where the habit is so, unless they may be two', () => {
    expect(parse('--to orders --verb').value('topic')).toBe('orders')
    expect(() => parse('--t orders')).toThrow("ambiguous option '--t': it may be --topic, --timeout")
    expect(() => parse('--to orders', lenient)).toThrow("unrecognized arguments: '--to'")
  })

  it('takes negative numbers, but no other value that begins with a dash, where the habit is so', () => {
    expect(parse('--timeout -1').wholeNumber('timeout', 0)).toBe(-1)
    expect(() => parse('--topic --verbose')).toThrow('argument --topic: a value is expected')
    expect(parse('--topic --verbose', lenient).value('topic')).toBe('--verbose')
  })

  it('leaves an optional value out', () => {
    const line = parse('--timeout --verbose', lenient)
    expect([line.has('timeout'), line.wholeNumber('timeout', 7), line.has('verbose')]).toEqual([true, 7, true])
  })

  it('lets the last value count or refuses a second one, by habit; what may be repeated is collected', () => {
    expect(parse('--topic a --topic b').value('topic')).toBe('b')
    expect(() => parse('--topic a --topic b', lenient)).toThrow('argument --topic is given more than once')
    expect(parse('--property a=1 --property b=2', lenient).values('property')).toEqual(['a=1', 'b=2'])
  })

  it('refuses words that belong to nothing, or passes over them, by habit; unknown options are always refused', () => {
    expect(() => parse('--topic a stray')).toThrow("unrecognized arguments: 'stray'")
    expect(parse('-topic a stray', lenient).value('topic')).toBe('a')
    expect(() => parse('-topic a')).toThrow('unrecognized arguments')
    expect(() => parse('--nothing', lenient)).toThrow("unrecognized arguments: '--nothing'")
    expect(() => parse('--verbose=yes')).toThrow('argument --verbose takes no value')
  })

  it('ends at help, whatever stands before or behind it', () => {
    expect(parse('--nothing -h --topic').has('help')).toBe(true)
  })

  it('takes whole numbers of a range only', () => {
    const timeout = (text: string, range: 'int' | 'long') => parse(`--timeout ${text}`).wholeNumber('timeout', 0, range)
    expect([timeout('2147483647', 'int'), timeout('3000000000', 'long')]).toEqual([2_147_483_647, 3_000_000_000])
    for (const text of ['x', '1.5', '1e3', '0x10', '3000000000'])
      expect(() => timeout(text, 'int'), text).toThrow(CommandLineError)
    expect(() => timeout('99999999999999999999', 'long')).toThrow('is not a whole number')
  })
})
