import { defineConfig } from 'vitest/config'

// Tests run on the sources: @milena/<package>[/entry] is its src/<entry>.ts.
const source = (path: string) => new URL(`./packages/${path}`, import.meta.url).pathname

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@milena\/protocol\/runtime$/, replacement: source('protocol/src/runtime/index.ts') },
      { find: /^@milena\/([a-z-]+)\/internal$/, replacement: source('$1/src/internal.ts') },
      { find: /^@milena\/(protocol|client|container|decorators|embedded-broker)$/, replacement: source('$1/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/*/test/**/*.test.ts'],
    testTimeout: 30_000,
  },
})
