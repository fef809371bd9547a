/** A rule of the house that the linter has no rule for: something that a text must not contain, and why. */
interface TextRule {
  readonly appliesTo: (file: string) => boolean
  readonly forbidden: RegExp
  readonly because: string
}

const isPackageSource = (file: string): boolean => /^packages\/[^/]+\/src\//.test(file)

const textRules: readonly TextRule[] = [
  {
    appliesTo: () => true,
    // Written in two halves, so that this file does not break its own rule.
    forbidden: new RegExp(String.raw`(oxlint|eslint|biome|prettier|oxfmt)-(disable|ignore)\b|@ts-(ignore|nocheck)\b`),
    because: 'a rule is kept or changed for everybody, never switched off in one place',
  },
  {
    appliesTo: () => true,
    forbidden: new RegExp(String.raw`\b(c8|v8|istanbul) ignore\b`),
    because: 'coverage tells what tests reach; hiding a line from it only hides the line',
  },
  {
    appliesTo: () => true,
    forbidden: /^\s*(export )?(declare )?(const )?enum \w+/m,
    because: 'sets of names are const objects with a union type: the plain string compiles too',
  },
  {
    appliesTo: (file) => isPackageSource(file) && !file.startsWith('packages/protocol/src/runtime/'),
    forbidden: /\bnew Date\(\s*\)/,
    because: 'time is given: take a Clock from @milena/protocol/runtime',
  },
]

const vagueNames = /(^|\/)(utils?|helpers?|types|common|misc|constants|shared|lib)(\.[a-z]+)*(\/|$)/

/** The rules of the house that `text`, the content of `file` (a path from the repository's root), breaks: one sentence each. */
export function brokenHouseRules(file: string, text: string): string[] {
  const broken = textRules.flatMap(({ appliesTo, forbidden, because }) => {
    const found = appliesTo(file) ? forbidden.exec(text) : null
    return found === null ? [] : [`${file} contains "${found[0].trim()}": ${because}.`]
  })
  if (vagueNames.test(file)) {
    broken.push(`${file} has a name that says nothing of its job: name it after its main export.`)
  }
  return broken
}
