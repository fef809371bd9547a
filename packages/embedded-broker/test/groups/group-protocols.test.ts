import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chooseProtocol, isSpokenByAll, offersTheSame } from '../../src/groups/group-protocols.js'
import { protocols } from './classic-world.js'

const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 })
const speakers = fc.array(
  names.map((own) => ({ protocols: protocols(...own) })),
  { minLength: 1, maxLength: 6 },
)

it('the protocol that is chosen is spoken by all, and none has more votes', () => {
  fc.assert(
    fc.property(speakers, (members) => {
      const speaks = (name: string) => members.every((member) => member.protocols.some((each) => each.name === name))
      const common = ['a', 'b', 'c', 'd'].filter(speaks)
      const votes = (name: string) =>
        members.filter((member) => member.protocols.find((each) => common.includes(each.name))?.name === name).length
      const chosen = chooseProtocol(members)
      if (chosen === undefined) {
        expect(common).toEqual([])
        return
      }
      expect(common).toContain(chosen)
      for (const name of common) expect(votes(chosen)).toBeGreaterThanOrEqual(votes(name))
    }),
  )
})

it('a member fits a group if it speaks one protocol that all members speak', () => {
  const members = [{ protocols: protocols('a', 'b') }, { protocols: protocols('b', 'c') }]
  expect(isSpokenByAll(protocols('a', 'c'), members)).toBe(false)
  expect(isSpokenByAll(protocols('a', 'b'), members)).toBe(true)
  expect(isSpokenByAll(protocols('a'), [])).toBe(true)
  expect(isSpokenByAll([], [])).toBe(false)
})

it('a protocol that a member names twice counts once', () => {
  const members = [{ protocols: protocols('a', 'a') }, { protocols: protocols('b') }]
  expect(chooseProtocol(members)).toBeUndefined()
})

it('members offer the same only with the same names, order and metadata', () => {
  const member = { protocols: protocols('a', 'b') }
  expect(offersTheSame(member, protocols('a', 'b'))).toBe(true)
  expect(offersTheSame(member, protocols('b', 'a'))).toBe(false)
  expect(offersTheSame(member, protocols('a'))).toBe(false)
  expect(offersTheSame(member, [{ name: 'a', metadata: Buffer.from('x') }, ...protocols('b')])).toBe(false)
})
