import { hostname } from 'node:os'
import type { Clock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import { markAlive, processMark } from '../../process.ts'
import { dumpLayout, parseDumpKey } from '../logical/dump-layout.ts'
import { layout, parseKey } from '../repository/layout.ts'
import type { Repository } from '../repository/repository.ts'
import { type LeaseRecord, standingLease } from '../stores/lease.ts'

/*
 * Objects of a backup are nothing without its last one. A process that was killed cannot take its stream up again, since the server
 * begins a new one; what it stored is cleared by the next backup. Who writes stands in the header of each object.
 */

/** On another machine it cannot be seen whether the writer still runs; no backup takes as long as this. */
const givenUpAfterMs = 24 * 3_600_000

const unreadable: ReadonlySet<string> = new Set(['OBJECT_DAMAGED', 'OBJECT_MISSING', 'OBJECT_OTHER_KEY'])

/** Meta of the objects of a backup that is under way: who writes them. */
export function writerMeta(): Record<string, string> {
  const { pid, started } = processMark(process.pid)
  return { host: hostname(), pid: String(pid), ...(started === null ? {} : { started }) }
}

/** Objects of a backup or a dump that will never be one. */
export interface BrokenBackup {
  id: string
  keys: string[]
  /** Milliseconds since the epoch, as its id says. */
  began: number | undefined
}

/** What was broken off, and is not known or likely to be still under way. */
export async function findBroken(repository: Repository, clock: Clock): Promise<BrokenBackup[]> {
  const { store } = repository
  const stored = new Map<string, { last: string; listed: string; whole: boolean; keys: string[] }>()
  const note = (id: string, key: string, last: string, listed: string) => {
    const backup = stored.get(id) ?? { last, listed, whole: false, keys: [] }
    if (key === last) backup.whole = true
    else backup.keys.push(key)
    stored.set(id, backup)
  }
  for await (const { key } of store.list(layout.backups)) {
    const parsed = parseKey(key, 1)
    if (parsed?.kind !== 'backup' && parsed?.kind !== 'archive' && parsed?.kind !== 'manifest') continue
    note(parsed.id, key, layout.backup(parsed.id), layout.listed(parsed.id))
  }
  for await (const { key } of store.list(dumpLayout.dumps)) {
    const parsed = parseDumpKey(key)
    if (parsed) note(parsed.id, key, dumpLayout.dump(parsed.id), dumpLayout.listed(parsed.id))
  }
  const broken: BrokenBackup[] = []
  const elsewhere = [...stored.values()].every(({ whole }) => whole)
    ? undefined
    : await standingLease(repository, clock.now())
  for (const [id, { last, listed, whole, keys }] of stored) {
    // A removal that has begun is finished by whoever removes; a backup in the catalogue that lost its last object is a loss to be told.
    if (whole || (await store.stat(layout.removed(id))) || (await store.stat(listed))) continue
    const began = beginningOf(id)
    if (await underWay(repository, { id, keys, began }, clock, elsewhere)) continue
    // Finished, and its writer ended, since the list was made.
    if ((await store.stat(last)) === undefined) broken.push({ id, keys, began })
  }
  return broken
}

/** Removes what backups left that were broken off; one that may still be under way is left alone. */
export async function clearBroken(repository: Repository, clock: Clock): Promise<void> {
  for (const { keys } of await findBroken(repository, clock)) {
    for (const key of keys) await repository.store.delete(key)
  }
}

async function underWay(
  repository: Repository,
  { keys, began }: BrokenBackup,
  clock: Clock,
  lease: LeaseRecord | undefined,
): Promise<boolean> {
  for (const key of keys) {
    const meta = await metaOf(repository, key)
    const pid = Number(meta?.['pid'])
    if (meta?.['host'] === hostname() && Number.isInteger(pid))
      return markAlive({ pid, started: meta['started'] ?? null })
    // Whoever holds the right to write may be at it, however long it takes.
    if (lease?.holder.endsWith(`@${meta?.['host']}`)) return true
  }
  return began === undefined || clock.now() - began <= givenUpAfterMs
}

function beginningOf(id: string): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(id)?.slice(1).map(Number)
  const [year = 0, month = 1, day, hour, minute, second] = found ?? []
  return found && Date.UTC(year, month - 1, day, hour, minute, second)
}

async function metaOf(repository: Repository, key: string): Promise<Record<string, string> | undefined> {
  try {
    const { meta, close } = await repository.read(key)
    await close()
    return meta
  } catch (error) {
    // Damaged, of a key that is not at hand, or gone meanwhile: it tells nothing of who wrote it.
    if (error instanceof AvalError && unreadable.has(error.code)) return undefined
    throw error
  }
}
