import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for something that another process does; false when it has not come to pass in time. */
export async function eventually(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > deadline) return false
    await sleep(25)
  }
  return true
}
