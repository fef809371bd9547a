import { describe, expect, it } from 'vitest'
import { differenceFrom } from '../src/expected-output.js'

describe('what an example prints fits its expected output', () => {
  it('when every line is the same, but for blanks at the ends and empty lines in the end', () => {
    expect(differenceFrom('one\ntwo (2 + 3.)\n', 'one  \ntwo (2 + 3.)\n\n')).toBeUndefined()
  })

  it('with any text where it has a name in brackets', () => {
    expect(differenceFrom('took <ms> ms on <host>', 'took 12 ms on a machine')).toBeUndefined()
    expect(differenceFrom('took <ms> ms', 'took  ms')).toMatch('Line 1')
    expect(differenceFrom('took <ms> ms', 'took 12 s')).toMatch('the output has "took 12 s" there')
  })

  it('with any lines where it has an ellipsis', () => {
    expect(differenceFrom('…\nb\n…\nd', 'a\nb\nd')).toBeUndefined()
    expect(differenceFrom('a\n…', 'a\nb\nc')).toBeUndefined()
    expect(differenceFrom('a\n…\nc', 'a\nb')).toMatch('no line from line 2 on')
  })
})

describe('what an example prints does not fit its expected output', () => {
  it('when a line is another', () => {
    expect(differenceFrom('a\nb', 'a\nc')).toBe('Line 2 of expected-output.txt is "b"; the output has "c" there.')
  })

  it('when a line is missing', () => {
    expect(differenceFrom('a\nb', 'a')).toBe('Line 2 of expected-output.txt is "b"; the output has the end there.')
  })

  it('when it goes on', () => {
    expect(differenceFrom('a', 'a\nb')).toMatch('goes on after the last line of expected-output.txt, with "b"')
  })

  it('when lines have changed places', () => {
    expect(differenceFrom('…\nb\na', 'a\nb')).toMatch('Line 3')
  })
})
