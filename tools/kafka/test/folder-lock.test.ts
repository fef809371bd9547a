import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../src/folder-lock.js'
import { identityOf } from '../src/process-identity.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-test-'))
  file = join(folder, 'deep', 'a.lock')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('A lock', () => {
  it('lets one piece of work in at a time, and tells the others that they wait', async () => {
    let inside = 0
    let most = 0
    let waits = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    }
    await Promise.all([1, 2, 3].map(() => withLock(file, () => waits++, work)))
    expect(most).toBe(1)
    expect(waits).toBe(2)
  })

  it('is free again when the work failed', async () => {
    await expect(
      withLock(
        file,
        () => {},
        () => Promise.reject(new Error('work failed')),
      ),
    ).rejects.toThrow('work failed')
    await expect(
      withLock(
        file,
        () => {},
        () => Promise.resolve('done'),
      ),
    ).resolves.toBe('done')
  })

  it('is taken over from a process that is gone', async () => {
    await withLock(
      file,
      () => {},
      () => Promise.resolve(),
    )
    // This pid lives, but it is not the process that took the lock: that one started at another time.
    writeFileSync(file, JSON.stringify({ ...identityOf(process.pid), startedAt: '1' }))
    await expect(
      withLock(
        file,
        () => {},
        () => Promise.resolve('done'),
      ),
    ).resolves.toBe('done')
  })
})
