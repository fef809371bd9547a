import { describe, expect, it } from 'vitest'
import { replaceSection } from '../src/document-section.js'

const document = 'before\n\n<!-- pnpm chaos: begin -->\n\nold\n\n<!-- pnpm chaos: end -->\n\nafter\n'

describe('the section of a document that the command writes', () => {
  it('is replaced between its marks, and nothing else is', () => {
    const once = replaceSection(document, '| new |')
    expect(once).toBe(document.replace('old', '| new |'))
    expect(replaceSection(once, 'newer')).toBe(document.replace('old', 'newer'))
  })

  it('has to be there', () => {
    expect(() => replaceSection('nothing', 'text')).toThrow('add both marks')
  })
})
