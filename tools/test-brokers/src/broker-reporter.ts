import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node'
// For the fields of TaskMeta.
import type {} from './describe-on-kinds.js'

interface Count {
  passed: number
  failed: number
  notRun: string | undefined
}

const kinds = ['embedded', 'kafka'] as const

/**
 * Ends a run with the count of tests per kind of broker (`kafka: 42 passed, 0 failed`, or `embedded: not run` and why), and
 * with `N passed, N failed` over everything as the very last line. A test file that could not be loaded, a suite whose hooks
 * failed and an unhandled error each count as one failure. With MILENA_REQUIRE_KAFKA=1 a run without any test on Kafka fails.
 */
export class BrokerReporter implements Reporter {
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void = (text) => process.stdout.write(text)) {
    this.#write = write
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts: Record<(typeof kinds)[number], Count> = {
      embedded: { passed: 0, failed: 0, notRun: undefined },
      kafka: { passed: 0, failed: 0, notRun: undefined },
    }
    let passed = 0
    let skipped = 0
    let failed = unhandledErrors.length
    for (const module of modules) {
      // Failures that are no test's: the file did not load, a suite could not be collected or a hook of it failed.
      failed += ownFailure(module)
      for (const suite of module.children.allSuites()) {
        failed += ownFailure(suite)
        const broker = suite.meta().broker
        if (broker !== undefined) counts[broker].failed += ownFailure(suite)
      }
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'passed') passed++
        if (state === 'failed') failed++
        const { broker, brokerNotRun, brokerNotAsked = false } = test.meta()
        if (state === 'skipped' && !brokerNotAsked) skipped++
        if (broker === undefined) continue
        if (brokerNotRun !== undefined) counts[broker].notRun = brokerNotRun
        else if (state === 'passed') counts[broker].passed++
        else if (state === 'failed') counts[broker].failed++
      }
    }

    const lines = kinds.map((kind) => line(kind, counts[kind]))
    if (process.env['MILENA_REQUIRE_KAFKA'] === '1' && counts.kafka.passed + counts.kafka.failed === 0) {
      lines.push('MILENA_REQUIRE_KAFKA=1, but no test ran on Kafka.')
      failed++
      process.exitCode = 1
    }
    if (skipped > 0) lines.push(`${skipped} skipped`)
    this.#write(`\n${lines.join('\n')}\n${passed} passed, ${failed} failed\n`)
  }
}

function ownFailure(entity: TestModule | TestSuite): number {
  return entity.errors().length > 0 ? 1 : 0
}

function line(kind: string, count: Count): string {
  if (count.passed + count.failed > 0) return `${kind}: ${count.passed} passed, ${count.failed} failed`
  return `${kind}: not run${count.notRun === undefined ? ' (no suite of this run asked for it)' : `. ${count.notRun}`}`
}
