/** A file that breaks one rule of `.oxlintrc.json` on purpose. */
export interface PlantedViolation {
  /** What a contributor did wrong. */
  readonly mistake: string
  /** Where, from the root of the repository. */
  readonly file: string
  readonly code: string
  /** The rule that has to speak up, as oxlint prints it. */
  readonly rule: string
}

const imports = (name: string, from: string) => `import { ${name} } from '${from}'\nexport const kept = ${name}\n`

const plant = (mistake: string, file: string, rule: string, code: string): PlantedViolation => ({
  mistake,
  file,
  rule,
  code,
})

const direction = (file: string, from: string) =>
  plant(`${file} imports ${from}`, file, 'eslint(no-restricted-imports)', imports('thing', from))

const clock = (what: string, rule: 'globals' | 'properties' | 'imports', code: string) =>
  plant(`a package uses ${what}`, `packages/client/src/clock/${what}.ts`, `eslint(no-restricted-${rule})`, code)

export const plantedViolations: readonly PlantedViolation[] = [
  plant(
    'a promise floats',
    'packages/client/src/floating.ts',
    'typescript(no-floating-promises)',
    'const work = async (): Promise<void> => {}\nexport function start(): void {\n  work()\n}\n',
  ),
  plant(
    'a promise floats in a test',
    'packages/client/test/floating.test.ts',
    'typescript(no-floating-promises)',
    'const work = async (): Promise<void> => {}\nexport function start(): void {\n  work()\n}\n',
  ),
  plant(
    'a promise floats in an example',
    'examples/01-planted/src/floating.ts',
    'typescript(no-floating-promises)',
    'const work = async (): Promise<void> => {}\nexport function start(): void {\n  work()\n}\n',
  ),
  plant(
    'a promise floats in a tool',
    'tools/planted/src/floating.ts',
    'typescript(no-floating-promises)',
    'const work = async (): Promise<void> => {}\nexport function start(): void {\n  work()\n}\n',
  ),
  plant(
    'a promise is taken for a condition',
    'packages/client/src/misused.ts',
    'typescript(no-misused-promises)',
    'const ready = async (): Promise<boolean> => false\nexport function go(): number {\n  return ready() ? 1 : 2\n}\n',
  ),
  plant(
    'something that is no promise is awaited',
    'packages/client/src/thenable.ts',
    'typescript(await-thenable)',
    'export async function wait(): Promise<number> {\n  return (await 5) + 1\n}\n',
  ),
  plant(
    'something that is no error is thrown',
    'packages/client/src/thrown.ts',
    'typescript(only-throw-error)',
    "const reason = 'reason'\nexport function fail(): never {\n  throw reason\n}\n",
  ),
  plant(
    'a package says any',
    'packages/client/src/any.ts',
    'typescript(no-explicit-any)',
    'export const anything = (value: any): string => String(value)\n',
  ),
  plant(
    'a package hides undefined with !',
    'packages/client/src/non-null.ts',
    'typescript(no-non-null-assertion)',
    'export const first = (list: string[]): string => list[0]!\n',
  ),
  plant(
    'a switch forgets a case',
    'packages/client/src/switch.ts',
    'typescript(switch-exhaustiveness-check)',
    "export function name(side: 'left' | 'right'): void {\n  switch (side) {\n    case 'left':\n      break\n  }\n}\n",
  ),
  plant(
    'two files import each other',
    'packages/client/src/circle/one.ts',
    'import(no-cycle)',
    "import { two } from './two.js'\nexport const one = (): number => two()\n",
  ),
  plant(
    'two files import each other, the other end',
    'packages/client/src/circle/two.ts',
    'import(no-cycle)',
    "import { one } from './one.js'\nexport const two = (): number => one()\n",
  ),
  plant(
    'a package waits at the top level',
    'packages/client/src/top-level.ts',
    'node(no-top-level-await)',
    'export const done = await Promise.resolve(1)\n',
  ),
  plant(
    'a source file is too long',
    'packages/client/src/long.ts',
    'eslint(max-lines)',
    Array.from({ length: 501 }, (_, i) => `export const line${i} = ${i}\n`).join(''),
  ),
  plant(
    'a test is skipped',
    'packages/client/test/skipped.test.ts',
    'vitest(no-disabled-tests)',
    "import { expect, it } from 'vitest'\nit.skip('is kept out', () => {\n  expect(1).toBe(1)\n})\n",
  ),
  plant(
    'a test is the only one',
    'packages/client/test/only.test.ts',
    'vitest(no-focused-tests)',
    "import { expect, it } from 'vitest'\nit.only('is alone', () => {\n  expect(1).toBe(1)\n})\n",
  ),
  plant(
    'a remark puts work off',
    'packages/client/src/later.ts',
    'eslint(no-warning-comments)',
    '// To' + 'do: finish\nexport const later = 1\n',
  ),

  // Time, timers and chance.
  clock('setTimeout', 'globals', 'export const later = (fn: () => void): unknown => setTimeout(fn, 1)\n'),
  clock('setInterval', 'globals', 'export const often = (fn: () => void): unknown => setInterval(fn, 1)\n'),
  clock('setImmediate', 'globals', 'export const soon = (fn: () => void): unknown => setImmediate(fn)\n'),
  clock('performance.now', 'globals', 'export const now = (): number => performance.now()\n'),
  clock('Date.now', 'properties', 'export const now = (): number => Date.now()\n'),
  clock('Math.random', 'properties', 'export const chance = (): number => Math.random()\n'),
  clock('crypto.randomUUID', 'properties', 'export const id = (): string => crypto.randomUUID()\n'),
  clock(
    'globalThis.setTimeout',
    'properties',
    'export const later = (): unknown => globalThis.setTimeout(() => {}, 1)\n',
  ),
  clock('AbortSignal.timeout', 'properties', 'export const bound = (): AbortSignal => AbortSignal.timeout(5)\n'),
  clock('process.hrtime', 'properties', 'export const now = (): bigint => process.hrtime.bigint()\n'),
  clock('node-timers', 'imports', imports('setTimeout', 'node:timers/promises')),
  clock('node-perf_hooks', 'imports', imports('performance', 'node:perf_hooks')),
  clock('node-crypto-randomUUID', 'imports', imports('randomUUID', 'node:crypto')),
  ...[
    'protocol/src/clock.ts',
    'container/src/clock.ts',
    'decorators/src/clock.ts',
    'embedded-broker/src/clock.ts',
  ].flatMap((file) => [
    plant(
      `${file} reads the clock`,
      `packages/${file}`,
      'eslint(no-restricted-properties)',
      'export const now = (): number => Date.now()\n',
    ),
    plant(
      `${file} imports a timer`,
      `packages/${file.replace('clock', 'timer')}`,
      'eslint(no-restricted-imports)',
      imports('setTimeout', 'node:timers/promises'),
    ),
  ]),

  // The direction of imports: protocol <- client <- container <- decorators; protocol <- embedded-broker.
  direction('packages/protocol/src/up-client.ts', '@milena/client'),
  direction('packages/protocol/src/runtime/up-container.ts', '@milena/container'),
  direction('packages/protocol/src/socket.ts', 'node:net'),
  direction('packages/client/src/up-container.ts', '@milena/container'),
  direction('packages/client/src/up-container-internal.ts', '@milena/container/internal'),
  direction('packages/client/src/up-decorators.ts', '@milena/decorators'),
  direction('packages/client/src/across-broker.ts', '@milena/embedded-broker'),
  direction('packages/client/src/into-tools.ts', '@milena/tools-kafka'),
  direction('packages/container/src/up-decorators.ts', '@milena/decorators'),
  direction('packages/container/src/across-broker.ts', '@milena/embedded-broker'),
  direction('packages/container/src/socket.ts', 'node:net'),
  direction('packages/decorators/src/across-broker.ts', '@milena/embedded-broker'),
  direction('packages/embedded-broker/src/across-client.ts', '@milena/client'),
  direction('packages/embedded-broker/src/across-container.ts', '@milena/container'),

  // Packages are entered through their doors.
  direction('packages/client/src/deep-source.ts', '@milena/protocol/src/index.js'),
  direction('packages/client/src/deep-dist.ts', '@milena/protocol/dist/index.js'),
  direction('packages/client/src/by-path.ts', '../../protocol/src/index.js'),
  direction('packages/client/test/deep-source.test.ts', '@milena/protocol/src/index.js'),
  direction('packages/client/test/by-path.test.ts', '../../protocol/src/index.js'),
  direction('examples/01-planted/src/by-path.ts', '../../../packages/client/src/index.js'),
  direction('examples/01-planted/src/deep.ts', '@milena/client/dist/index.js'),

  // inversify stays at the rim.
  direction('packages/client/src/framework.ts', 'inversify'),
  direction('packages/container/src/framework.ts', 'inversify'),
  direction('packages/decorators/src/listener-method.ts', 'inversify'),
]

/** Files that keep every rule: the linter has to stay silent about them, or the proof above proves nothing. */
export const honestFiles: Readonly<Record<string, string>> = {
  'packages/protocol/src/runtime/system-clock.ts': 'export const now = (): number => performance.now() + Date.now()\n',
  'packages/client/src/honest.ts':
    imports('thing', '@milena/protocol') + "export { clock } from '@milena/protocol/runtime'\n",
  'packages/container/src/honest.ts':
    imports('thing', '@milena/client') + "export { engineOf } from '@milena/client/internal'\n",
  'packages/decorators/src/honest.ts': imports('thing', '@milena/container'),
  'packages/decorators/src/kafka-module.ts': imports('ContainerModule', 'inversify'),
  'packages/decorators/src/start-kafka-listeners.ts': imports('Container', 'inversify'),
  'packages/decorators/src/instance-resolver-inversify.ts': imports('Container', 'inversify'),
  'packages/embedded-broker/src/honest.ts': imports('thing', '@milena/protocol'),
  'packages/client/test/honest.test.ts': imports('thing', '../src/honest.js') + 'export const at = Date.now()\n',
  'examples/01-planted/src/honest.ts':
    imports('thing', '@milena/decorators') + 'export const at = (): number => Date.now()\n',
}
