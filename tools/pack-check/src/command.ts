import { spawn } from 'node:child_process'

/** What a finished command wrote. */
export interface CommandOutput {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program without a shell and waits for it; rejects with its whole output when it does not exit with 0. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ stdout, stderr })
      else {
        const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`
        reject(new Error(`${program} ${args.join(' ')} ${how} in ${options.cwd}:\n${stdout}${stderr}`))
      }
    })
  })
}

/** pnpm as it runs this script, else the one that npx gets. */
export function runPnpm(args: readonly string[], cwd: string): Promise<CommandOutput> {
  const pnpm = process.env['npm_execpath']
  return pnpm !== undefined && /pnpm\.[cm]?js$/.test(pnpm)
    ? runCommand(process.execPath, [pnpm, ...args], { cwd })
    : runCommand('npx', ['-y', 'pnpm@10', ...args], { cwd })
}
