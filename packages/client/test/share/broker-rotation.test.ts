import { describe, expect, it } from 'vitest'
import { BrokerRotation } from '../../src/share/broker-rotation.js'

function made(...nodes: number[]): { rotation: BrokerRotation; woken: number[]; mayAsk: (node: number) => boolean } {
  const rotation = new BrokerRotation()
  const woken: number[] = []
  for (const node of nodes) rotation.wants(node, true)
  return { rotation, woken, mayAsk: (node) => rotation.mayAsk(node, () => woken.push(node)) }
}

describe('brokers that take turns', () => {
  it('are asked one at a time, and who has waited longest comes next', () => {
    const { rotation, woken, mayAsk } = made(1, 2, 3)
    expect(mayAsk(1)).toBe(true)
    rotation.asked(1)
    expect(mayAsk(3)).toBe(false)
    expect(mayAsk(2)).toBe(false)
    expect(mayAsk(1)).toBe(false)
    rotation.answered(1)
    expect(woken).toEqual([3])
    expect(mayAsk(1)).toBe(false)
    expect(mayAsk(3)).toBe(true)
    rotation.asked(3)
    rotation.answered(3)
    expect(woken).toEqual([3, 2])
  })

  it('do not wait for one that passes', () => {
    const { rotation, woken, mayAsk } = made(1, 2, 3)
    rotation.asked(1)
    mayAsk(2)
    mayAsk(3)
    rotation.answered(1)
    expect(woken).toEqual([2])
    // It has something else to do.
    rotation.passes(2, false)
    expect(woken).toEqual([2, 3])
    rotation.passes(3, true)
    expect(mayAsk(1)).toBe(true)
  })

  it('do not wait for one that stopped waiting', () => {
    const { rotation, woken, mayAsk } = made(1, 2)
    rotation.asked(1)
    mayAsk(2)
    rotation.passes(2, false)
    rotation.answered(1)
    expect(woken).toEqual([])
    expect(mayAsk(1)).toBe(true)
  })

  it('are several as long as there is something to fetch from them', () => {
    const { rotation } = made(1, 2)
    expect(rotation.isShared).toBe(true)
    rotation.wants(2, false)
    expect(rotation.isShared).toBe(false)
  })
})
