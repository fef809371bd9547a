/**
 * Compares what an example printed with its expected-output.txt: line by line, where `<anything in brackets>` stands for some
 * text within a line, and a line `…` for any number of lines.
 *
 * @returns undefined when it fits; else a sentence that says where it does not
 */
export function differenceFrom(expected: string, printed: string): string | undefined {
  const wanted = linesOf(expected)
  const found = linesOf(printed)
  let at = 0
  let anyLines = false
  for (const [index, line] of wanted.entries()) {
    if (line === '…') {
      anyLines = true
      continue
    }
    const pattern = patternOf(line)
    const next = anyLines ? found.findIndex((text, place) => place >= at && pattern.test(text)) : at
    const text = next < 0 ? undefined : found[next]
    if (text === undefined || !pattern.test(text)) {
      const instead = anyLines ? `no line from line ${at + 1} on` : text === undefined ? 'the end' : `"${text}"`
      return `Line ${index + 1} of expected-output.txt is "${line}"; the output has ${instead} there.`
    }
    at = next + 1
    anyLines = false
  }
  if (anyLines || at === found.length) return undefined
  return `The output goes on after the last line of expected-output.txt, with "${found[at] ?? ''}".`
}

/** Blanks at the ends of lines do not count, nor do empty lines at the end. */
function linesOf(text: string): string[] {
  return text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
}

function patternOf(line: string): RegExp {
  const literals = line.split(/<[^<>]+>/).map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${literals.join('.+')}$`)
}
