import { layout, parseKey } from '../repository/layout.ts'
import { once, type Repository } from '../repository/repository.ts'

/*
 * The first thing written when a backup is removed. From then on it counts as no backup, so that a removal that is broken off leaves
 * nothing that looks whole and is not. It goes last.
 */

export interface Tombstone {
  id: string
  /** Milliseconds since the epoch. */
  at: number
  /** Why, in words. */
  reason: string
}

export async function writeTombstone(repository: Repository, tombstone: Tombstone): Promise<void> {
  const text = Buffer.from(JSON.stringify(tombstone))
  await repository.put(layout.removed(tombstone.id), once(text), { replace: true })
}

/** Ids of the backups whose removal has begun and is not finished; from keys alone. */
export async function tombstones(repository: Repository): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { key } of repository.store.list(layout.tombstones)) {
    const parsed = parseKey(key, 2 ** 24)
    if (parsed?.kind === 'removed') ids.add(parsed.id)
  }
  return ids
}
