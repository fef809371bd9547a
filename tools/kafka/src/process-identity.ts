import { readFileSync } from 'node:fs'

/** Enough to tell a process from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Linux: when it started, in clock ticks since boot. Elsewhere undefined, and the pid alone must do. */
  readonly startedAt: string | undefined
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startedAt: startTime(pid) }
}

export function isAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return identity.startedAt === undefined || startTime(identity.pid) === identity.startedAt
}

function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name, in parentheses, may hold spaces: count from behind it. Field 3 is the state, field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'ended' : fields[19]
  } catch {
    return undefined
  }
}
