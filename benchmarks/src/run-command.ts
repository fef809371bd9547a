import { execFile } from 'node:child_process'

/** Runs a program to its end. Rejects when there is no such program. */
export function runCommand(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') {
        reject(new Error(`${program} is needed on the PATH, and could not be run: ${error.message}`))
      } else resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}
