import { timestamp } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { type Repository, readJson } from '../repository/repository.ts'
import type { RestoreWindow } from '../restore/restore-point.ts'
import { tombstones } from '../retention/tombstone.ts'
import { type DumpInfo, dumpInfoSchema } from './dump-info.ts'
import { dumpLayout, parseDumpKey } from './dump-layout.ts'

/** Every complete dump, oldest first; one whose removal has begun is none any more. */
export async function listDumps(repository: Repository): Promise<DumpInfo[]> {
  const dumps: DumpInfo[] = []
  const removed = await tombstones(repository)
  for await (const { key } of repository.store.list(dumpLayout.dumps)) {
    const parsed = parseDumpKey(key)
    if (parsed?.kind === 'dump' && !removed.has(parsed.id)) dumps.push(await readJson(repository, key, dumpInfoSchema))
  }
  return dumps.sort((a, b) => a.holdsNoneAfter - b.holdsNoneAfter)
}

/** From the oldest dump to the newest; in between, a moment is restored to the dump before it. */
export function dumpWindow(dumps: readonly DumpInfo[]): RestoreWindow | undefined {
  const [first, last] = [dumps[0], dumps.at(-1)]
  return first && last && { from: first.holdsNoneAfter, to: last.holdsNoneAfter }
}

/**
 * The newest dump that holds nothing from after a moment.
 * @throws BACKUP_NONE, BACKUP_UNKNOWN, RESTORE_OUTSIDE_WINDOW for a moment before the oldest.
 */
export async function findDump(repository: Repository, at: 'latest' | number, id?: string): Promise<DumpInfo> {
  const dumps = await listDumps(repository)
  const window = dumpWindow(dumps)
  if (!window) throw failure('BACKUP_NONE', { place: repository.store.place, system: repository.system })
  if (id !== undefined && !dumps.some((dump) => dump.id === id)) throw failure('BACKUP_UNKNOWN', { id })
  const found = dumps.findLast(
    (dump) => (at === 'latest' || dump.holdsNoneAfter <= at) && (id === undefined || dump.id === id),
  )
  if (found) return found
  const moment = at === 'latest' ? at : timestamp(at)
  throw failure('RESTORE_OUTSIDE_WINDOW', { at: moment, from: timestamp(window.from), to: timestamp(window.to) })
}
