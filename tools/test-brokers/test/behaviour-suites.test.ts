import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { behaviourSuites } from '../src/behaviour-suites.js'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

describe('The behaviour suites of the packages', () => {
  const suites = behaviourSuites(repository)

  it('are the test files that describe something on brokers or clusters, themselves or through a helper beside them', () => {
    expect(suites).toContain('packages/client/test/share/outcomes-on-brokers.test.ts')
    expect(suites).toContain('packages/container/test/on-broker-outage.test.ts')
    expect(suites).toContain('packages/client/test/specification/9-membership.test.ts')
  })

  it('are no other tests, none of tools/, and none that runs the clients of others', () => {
    expect(suites).not.toContain('packages/client/test/share/share-session.test.ts')
    expect(suites.filter((file) => !/^packages\/(client|container|decorators)\//.test(file))).toEqual([])
  })
})
