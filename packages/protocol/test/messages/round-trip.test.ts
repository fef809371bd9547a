import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allMessages, read, versionsOf, write } from './all-apis.js'
import { arbitraryBody } from './arbitrary-message.js'

describe('a message that was written', () => {
  for (const { message } of allMessages) {
    for (const version of versionsOf(message)) {
      it(`reads as it was given: ${message.name} v${version}`, () => {
        fc.assert(
          fc.property(arbitraryBody(message, version), (body) => {
            expect(read(message, version, write(message, version, body))).toEqual(body)
          }),
          { numRuns: 40 },
        )
      })
    }
  }
})
