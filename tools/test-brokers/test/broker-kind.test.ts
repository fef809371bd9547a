import { describe, expect, it } from 'vitest'
import { requestedKinds } from '../src/broker-kind.js'

describe('MILENA_TEST_BROKERS', () => {
  it('asks for nothing in particular when it is not set', () => {
    expect(requestedKinds(undefined)).toBeUndefined()
    expect(requestedKinds(' ')).toBeUndefined()
  })

  it('names kinds of brokers, separated by commas', () => {
    expect(requestedKinds('kafka')).toEqual(['kafka'])
    expect(requestedKinds('embedded, kafka')).toEqual(['embedded', 'kafka'])
  })

  it('is refused when it names anything else', () => {
    expect(() => requestedKinds('kafka,redpanda')).toThrow('names "redpanda", which is no broker. Give embedded, kafka')
  })
})
