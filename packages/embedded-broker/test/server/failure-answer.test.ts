import {
  decodeResponse,
  encodeResponse,
  ErrorCode,
  ZERO_UUID,
  type AnyApi,
  type Field,
  type Fields,
} from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { allHandlers } from '../../src/handlers/all-handlers.js'
import { failureAnswer } from '../../src/server/failure-answer.js'

function isPresent({ versions }: Field, version: number): boolean {
  const [, first, more, last] = /^(\d+)(?:(\+)|-(\d+))?$/.exec(versions) ?? []
  return version >= Number(first) && version <= (more === '+' ? Infinity : Number(last ?? first))
}

/** A request with one element in each of its arrays. */
function filled(fields: Fields, version: number): Record<string, unknown> {
  const present = Object.entries(fields).filter(([, field]) => isPresent(field, version))
  return Object.fromEntries(present.map(([name, { type }]) => [name, filledValue(type, version)]))
}

function filledValue(type: Field['type'], version: number): unknown {
  if (typeof type === 'object') {
    return 'kind' in type && type.kind === 'array'
      ? [filledValue((type as { readonly element: Field['type'] }).element, version)]
      : filled(type as Fields, version)
  }
  if (type === 'string') return 'x'
  if (type === 'uuid') return ZERO_UUID
  if (type === 'bytes' || type === 'records') return Buffer.alloc(0)
  return type === 'bool' ? false : 1
}

function errorCodesOf(answer: unknown): unknown[] {
  if (typeof answer !== 'object' || answer === null) return []
  return Object.entries(answer).flatMap(([name, value]) => (/errorCode$/i.test(name) ? [value] : errorCodesOf(value)))
}

const served: readonly (readonly [string, AnyApi])[] = allHandlers.map(({ api }) => [api.name, api])

describe('{ do: "fail" }', () => {
  it.each(served)('fails %s in every version', (_, api) => {
    for (let version = api.minVersion; version <= api.maxVersion; version++) {
      const body = filled(api.request.fields, version)
      const request = {
        api: api.name,
        version,
        clientId: null,
        nodeId: 1,
        connectionId: '1',
        principal: 'User:x',
        body,
      }
      const answer = failureAnswer(api, request, {
        errorCode: ErrorCode.REQUEST_TIMED_OUT,
        errorMessage: 'late',
      })
      const frame = encodeResponse(api, { version, correlationId: 1, body: answer as never })
      expect(errorCodesOf(decodeResponse(api, version, frame.subarray(4)))).toContain(ErrorCode.REQUEST_TIMED_OUT)
    }
  })
})
