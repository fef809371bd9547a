import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.js'

const prefix = 'milena-kafka-'
const ownerFile = 'owner.json'

/** A new folder under the system's temporary one, marked as belonging to this process. */
export function makeClusterFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  writeFileSync(join(folder, ownerFile), JSON.stringify(identityOf(process.pid)))
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

/**
 * Removes the folders of clusters whose owner is gone. A broker removes its cluster's folder when the owner dies; what is left
 * here had no broker running at that moment.
 */
export function removeAbandonedFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const folder = join(tmpdir(), name)
    let owner: ProcessIdentity
    try {
      owner = JSON.parse(readFileSync(join(folder, ownerFile), 'utf8')) as ProcessIdentity
    } catch {
      // Not marked yet, or going this moment.
      continue
    }
    if (!isAlive(owner)) removeFolder(folder)
  }
}
