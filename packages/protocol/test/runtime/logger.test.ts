import { describe, expect, it } from 'vitest'
import { silentLogger } from '@milena/protocol/runtime'

describe('the silent logger', () => {
  it('takes everything, says nothing, and has children like itself', () => {
    const child = silentLogger.child({ a: 1 })
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
      expect(child[level]({}, 'message')).toBeUndefined()
      expect(child.isLevelEnabled?.(level)).toBe(false)
    }
  })
})
