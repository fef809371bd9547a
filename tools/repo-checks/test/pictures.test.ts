import { describe, expect, it } from 'vitest'
import { filesUnder, textOf } from '../src/repository.js'

const pictures = await filesUnder('docs/images')
const documents = (await filesUnder('')).filter((file) => file.endsWith('.md'))

describe('the pictures in the documents', () => {
  it('are three or more', () => {
    expect(pictures.length).toBeGreaterThan(2)
  })

  it.each(pictures)('%s is told in words, drawn for light and dark, and loads nothing', async (file) => {
    const picture = await textOf(file)
    expect(picture).toMatch(/<title>[^<]{10,}<\/title>/)
    expect(picture).toContain('@media (prefers-color-scheme: dark)')
    expect(picture.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<image|<script|@import/)
    // Every class that is drawn with has a colour of its own in the dark, or is no colour.
    const dark = /@media[^{]*\{([\s\S]*?)\n {4}\}/.exec(picture)?.[1] ?? ''
    const coloured = [...picture.replace(dark, '').matchAll(/\.(\w+) \{[^}]*#/g)].map(([, name = '']) => name)
    for (const name of coloured) expect(dark).toContain(`.${name} {`)
  })

  it.each(pictures)('%s is shown somewhere', async (file) => {
    const name = file.split('/').at(-1) ?? file
    const texts = await Promise.all(documents.map(textOf))
    expect(texts.some((text) => new RegExp(`!\\[[^\\]]{10,}\\]\\([^)]*images/${name}\\)`).test(text))).toBe(true)
  })
})
