import { KafkaUsageError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ContainerLifecycle, stateAfter, type ContainerMove } from '../src/container-state.js'

const moves: readonly ContainerMove[] = ['start', 'started', 'pause', 'resume', 'stop', 'stopped', 'fail']

describe('the states of a container', () => {
  test('a life: stopped, starting, running, paused, running, stopping, stopped', () => {
    const lifecycle = new ContainerLifecycle('orders')
    const states = (['start', 'started', 'pause', 'resume', 'stop', 'stopped'] as const).map((move) => {
      lifecycle.move(move)
      return lifecycle.state
    })
    expect(states).toEqual(['starting', 'running', 'paused', 'running', 'stopping', 'stopped'])
  })

  test.each(['starting', 'stopping'] as const)('a container that is %s can fail', (state) => {
    expect(stateAfter(state, 'fail')).toBe('failed')
  })

  test.each(['running', 'paused'] as const)('one that is %s stops before it has failed', (state) => {
    expect(stateAfter(state, 'fail')).toBeUndefined()
    expect(stateAfter(state, 'stop')).toBe('stopping')
  })

  test('a failed container can start again, and nothing else', () => {
    expect(moves.filter((move) => stateAfter('failed', move) !== undefined)).toEqual(['start'])
  })

  test('a move that is not legal is refused, says what is, and changes nothing', () => {
    const lifecycle = new ContainerLifecycle('orders')
    expect(() => lifecycle.move('pause')).toThrow(KafkaUsageError)
    expect(() => lifecycle.move('pause')).toThrow(
      "Container 'orders' is stopped; 'pause' is only possible while it is running.",
    )
    expect(lifecycle.state).toBe('stopped')
  })

  test('running is reached from starting and paused only, and rest from a live state only', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...moves)), (sequence) => {
        const lifecycle = new ContainerLifecycle('any')
        for (const move of sequence) {
          const before = lifecycle.state
          const legal = stateAfter(before, move)
          if (legal === undefined) expect(() => lifecycle.move(move)).toThrow(KafkaUsageError)
          else lifecycle.move(move)
          const after = lifecycle.state
          expect(after).toBe(legal ?? before)
          if (after === before) continue
          if (after === 'running') expect(['starting', 'paused']).toContain(before)
          if (after === 'stopped') expect(before).toBe('stopping')
          if (after === 'starting') expect(['stopped', 'failed']).toContain(before)
        }
      }),
    )
  })
})
