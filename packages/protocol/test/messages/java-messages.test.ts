import { describe, expect, it } from 'vitest'
import { allMessages, read, versionsOf, write } from './all-apis.js'
import { asJavaSaysIt, asWeAreGiven, goldenMessages } from './golden-messages.js'

describe('messages that Java has written', () => {
  for (const { message } of allMessages) {
    const { cases, casesWithUnknownTags } = goldenMessages(message.name)
    const spoken = cases.filter(({ version }) => version >= message.minVersion && version <= message.maxVersion)

    describe(message.name, () => {
      it('are there for every version that we speak', () => {
        expect([...new Set(spoken.map(({ version }) => version))]).toEqual(versionsOf(message))
      })

      for (const { version, filling, json, hex } of spoken) {
        it(`are read as Java reads them: v${version}, ${filling}`, () => {
          expect(asJavaSaysIt(message.fields, version, read(message, version, Buffer.from(hex, 'hex')))).toEqual(json)
        })

        it(`are written to the same bytes: v${version}, ${filling}`, () => {
          expect(write(message, version, asWeAreGiven(message.fields, json)).toString('hex')).toBe(hex)
          expect(write(message, version, read(message, version, Buffer.from(hex, 'hex'))).toString('hex')).toBe(hex)
        })
      }

      for (const { version, json, hex } of casesWithUnknownTags) {
        if (version < message.minVersion || version > message.maxVersion) continue
        it(`are read past tagged fields of the future: v${version}`, () => {
          expect(asJavaSaysIt(message.fields, version, read(message, version, Buffer.from(hex, 'hex')))).toEqual(json)
        })
      }
    })
  }
})
