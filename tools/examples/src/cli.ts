// `pnpm examples`: runs every example and compares what it prints with its expected-output.txt. Build first.
import { parseArgs } from 'node:util'
import { Example } from './example.js'

const usage = `Usage: pnpm examples [name ...] [--bootstrap host:port]

Runs the examples one after another and compares what each prints with the expected-output.txt of its folder. Ends with 1 when
one of them fails.

  name          only examples whose folder begins with it, as 03
  --bootstrap   on that Kafka; default: each on an embedded broker of its own
  --help`

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words.filter((word) => word !== '--'),
    allowPositionals: true,
    options: { bootstrap: { type: 'string' }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const all = await Example.all()
  const unknown = positionals.filter((name) => !all.some((example) => example.name.startsWith(name)))
  if (unknown.length > 0) {
    console.error(`There is no example ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join(', ')}.`)
    return 2
  }
  const { bootstrap } = values
  const chosen = all.filter(
    (example) =>
      (positionals.length === 0 || positionals.some((name) => example.name.startsWith(name))) &&
      (bootstrap === undefined || example.takesBootstrap),
  )
  let failed = 0
  for (const example of chosen) {
    const { seconds, fault, output } = await example.run(bootstrap)
    console.log(`${fault === undefined ? 'ok  ' : 'FAIL'}  ${example.name.padEnd(30)} ${seconds.toFixed(1)} s`)
    if (fault === undefined) continue
    failed++
    console.log(`      ${fault} It printed:\n${output.trimEnd().replace(/^/gm, '      | ')}`)
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 2
}
