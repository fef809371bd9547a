import { constants } from 'node:os'

/** What a tool is given in place of the process: tests run it without one. */
export interface ToolHost {
  /** Writes one line to standard output. */
  readonly print: (line: string) => void
  /** Writes one line to standard error. */
  readonly complain: (line: string) => void
  /** Aborted when the tool is asked to end. */
  readonly stop: AbortSignal
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs a tool as the process, and ends that as a JVM does: SIGTERM, SIGINT and SIGHUP ask the tool to end, and the process then
 * ends with 128 and the signal's number; otherwise with what the tool resolved to, or 1 when it rejected. A reader of its output or
 * its complaints that went away disturbs nothing.
 */
export function runAsProcess(tool: (words: readonly string[], host: ToolHost) => Promise<number>): void {
  const stop = new AbortController()
  let bySignal: number | undefined
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      bySignal ??= 128 + constants.signals[signal]
      stop.abort()
    })
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const host: ToolHost = {
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    stop: stop.signal,
  }
  const end = (code: number): void => {
    // What was written is out first: where standard output is slow, exit() would cut it.
    process.stdout.write('', () => process.exit(bySignal ?? code))
  }
  tool(process.argv.slice(2), host).then(end, (error: unknown) => {
    host.complain(error instanceof Error ? (error.stack ?? error.message) : String(error))
    end(1)
  })
}
