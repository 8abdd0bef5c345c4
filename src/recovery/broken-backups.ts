import { hostname } from 'node:os'
import type { Clock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { markAlive, processMark } from '../process.ts'
import { layout, parseKey } from './layout.ts'
import type { Repository } from './repository.ts'

/*
 * Objects of a backup are nothing without its last one. A process that was killed cannot take its stream up again, since the server
 * begins a new one; what it stored is cleared by the next backup. Who writes stands in the header of each object.
 */

/** On another machine it cannot be seen whether the writer still runs; no backup takes as long as this. */
const givenUpAfterMs = 24 * 3_600_000

/** Meta of the objects of a backup that is under way: who writes them. */
export function writerMeta(): Record<string, string> {
  const { pid, started } = processMark(process.pid)
  return { host: hostname(), pid: String(pid), ...(started === null ? {} : { started }) }
}

/** Removes what backups left that were broken off; one that may still be under way is left alone. */
export async function clearBroken(repository: Repository, clock: Clock): Promise<void> {
  const { store } = repository
  const stored = new Map<string, { whole: boolean; keys: string[] }>()
  for await (const { key } of store.list(layout.backups)) {
    const parsed = parseKey(key, 1)
    if (parsed?.kind !== 'backup' && parsed?.kind !== 'archive' && parsed?.kind !== 'manifest') continue
    const backup = stored.get(parsed.id) ?? { whole: false, keys: [] }
    if (parsed.kind === 'backup') backup.whole = true
    else backup.keys.push(key)
    stored.set(parsed.id, backup)
  }
  for (const [id, { whole, keys }] of stored) {
    // A removal that has begun is finished by whoever removes; a backup in the catalogue that lost its last object is a loss to be told.
    if (whole || (await store.stat(layout.removed(id))) || (await store.stat(layout.listed(id)))) continue
    if (await underWay(repository, id, keys, clock)) continue
    for (const key of keys) await store.delete(key)
  }
}

async function underWay(repository: Repository, id: string, keys: readonly string[], clock: Clock): Promise<boolean> {
  for (const key of keys) {
    const meta = await metaOf(repository, key)
    const pid = Number(meta?.['pid'])
    if (meta?.['host'] === hostname() && Number.isInteger(pid))
      return markAlive({ pid, started: meta['started'] ?? null })
  }
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(id)?.map(Number) ?? []
  const began = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
  return !(clock.now() - began > givenUpAfterMs)
}

async function metaOf(repository: Repository, key: string): Promise<Record<string, string> | undefined> {
  try {
    const { meta, close } = await repository.read(key)
    await close()
    return meta
  } catch (error) {
    // Damaged, or gone meanwhile: it tells nothing of who wrote it.
    if (error instanceof AvalError && (error.code === 'OBJECT_DAMAGED' || error.code === 'OBJECT_MISSING'))
      return undefined
    throw error
  }
}
