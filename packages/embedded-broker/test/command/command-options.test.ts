import { describe, expect, it } from 'vitest'
import { help, parseCommandLine } from '../../src/command/command-options.js'

describe('The command line', () => {
  it('may be empty: one broker of the latest release on port 9092 of this machine', () => {
    expect(parseCommandLine([])).toEqual({
      showHelp: false,
      detail: 'normal',
      broker: { port: 9092, brokers: 1, host: '127.0.0.1', version: '4.4', topics: [], serverProperties: {} },
    })
  })

  it('names topics, brokers, addresses, a release and properties', () => {
    const words =
      '--port 0 --topic orders:3 --topic audit --brokers 3 --host 0.0.0.0 --advertised-host kafka --kafka-version 4.2 --property a.b=1 --property c=d=e --quiet'
    expect(parseCommandLine(words.split(' '))).toEqual({
      showHelp: false,
      detail: 'quiet',
      broker: {
        port: 0,
        brokers: 3,
        host: '0.0.0.0',
        advertisedHost: 'kafka',
        version: '4.2',
        topics: ['orders:3', 'audit'],
        serverProperties: { 'a.b': '1', c: 'd=e' },
      },
    })
  })

  it.each([
    [['--nope'], /--nope.*milena-broker --help/],
    [['orders'], /orders.*milena-broker --help/],
    [['--topic'], /--topic.*missing/],
    [['--port', 'x'], /--port is a whole number from 0 to 65535, not "x"/],
    [['--port', '65536'], /--port is a whole number from 0 to 65535/],
    [['--brokers', '0'], /--brokers is a whole number from 1 to 20/],
    [['--kafka-version', '3.9'], /--kafka-version is one of 4\.1, 4\.2, 4\.3, 4\.4, not "3\.9"/],
    [['--property', 'a'], /--property is given as name=value, not "a"/],
    [['--property', '=a'], /--property is given as name=value/],
    [['--quiet', '--verbose'], /--verbose and --quiet contradict each other/],
  ])('%j is refused in one sentence', (words, sentence) => {
    expect(() => parseCommandLine(words)).toThrow(sentence)
    expect(() => parseCommandLine(words)).toThrow(expect.objectContaining({ code: 'INVALID_USAGE' }))
  })

  it('may have the -- of a package manager before it', () => {
    expect(parseCommandLine(['--', '--port', '1']).broker.port).toBe(1)
  })

  it('is explained by --help, every option of it', () => {
    expect(parseCommandLine(['--help']).showHelp).toBe(true)
    for (const option of [
      'port',
      'topic',
      'brokers',
      'host',
      'advertised-host',
      'kafka-version',
      'property',
      'verbose',
      'quiet',
    ]) {
      expect(help).toContain(`--${option} `)
    }
  })
})
