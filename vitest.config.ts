import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BrokerReporter } from './tools/test-brokers/src/broker-reporter.js'

// Tests run on the sources: @milena/<package>[/entry] is its src/<entry>.ts.
const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@milena\/protocol\/runtime$/, replacement: source('protocol/src/runtime/index.ts') },
      { find: /^@milena\/([a-z-]+)\/internal$/, replacement: source('$1/src/internal.ts') },
      {
        find: /^@milena\/(protocol|client|container|decorators|embedded-broker)$/,
        replacement: source('$1/src/index.ts'),
      },
      { find: /^@milena\/tools-(java-habits|kafka|test-brokers)$/, replacement: source('../tools/$1/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/*/test/**/*.test.ts'],
    testTimeout: 30_000,
    // One Kafka for the whole run, started by the first suite that asks for it.
    globalSetup: ['tools/test-brokers/src/global-setup.ts'],
    // Behaviour suites wait more than they work, on either kind of broker: every processor has a worker.
    maxWorkers: '100%',
    reporters: ['default', new BrokerReporter()],
  },
})
