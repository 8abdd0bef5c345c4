import { failure } from '../../errors.ts'
import type { BackupInfo } from './backup-info.ts'

/**
 * What a backup is put together from: the full one first, itself last.
 * @throws BACKUP_CHAIN_BROKEN when one of them is not there any more.
 */
export function chainOf(backup: BackupInfo, all: readonly BackupInfo[]): BackupInfo[] {
  const chain = [backup]
  for (let first = backup; first.parent !== undefined; ) {
    const { parent } = first
    const found = all.find(({ id }) => id === parent)
    if (!found || chain.includes(found)) throw failure('BACKUP_CHAIN_BROKEN', { id: backup.id, parent })
    chain.unshift(found)
    first = found
  }
  return chain
}

/** Ids of the backups that cannot be restored without one of these, and these. */
export function withDependents(ids: readonly string[], all: readonly BackupInfo[]): string[] {
  const found = new Set(ids)
  // A parent is always older than what builds on it.
  for (const { id, parent } of all.toSorted((a, b) => a.stoppedAt - b.stoppedAt)) {
    if (parent !== undefined && found.has(parent)) found.add(id)
  }
  return [...found]
}
