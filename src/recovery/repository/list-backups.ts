import { AvalError } from '../../errors.ts'
import { type BackupInfo, backupInfoSchema } from '../backup/backup-info.ts'
import { withNewestOpenable } from '../restore/newest-openable.ts'
import { tombstones } from '../retention/tombstone.ts'
import { layout } from './layout.ts'
import { type Repository, readJson } from './repository.ts'

/**
 * Every complete backup, oldest first; reads one small object for each. One whose removal has begun is none any more, whatever is
 * still there of it.
 * @param options.openable passes over backups that were sealed with a key that is not at hand.
 * @throws OBJECT_OTHER_KEY naming the newest backup that the keys at hand do open.
 */
export async function listBackups(repository: Repository, options: { openable?: boolean } = {}): Promise<BackupInfo[]> {
  const backups: BackupInfo[] = []
  const closed: AvalError[] = []
  const removed = await tombstones(repository)
  for await (const { key } of repository.store.list(layout.backups)) {
    if (!key.endsWith('/backup') || removed.has(key.slice(layout.backups.length, -'/backup'.length))) continue
    const info = await readJson(repository, key, backupInfoSchema).catch(async (error: unknown) => {
      const gone = error instanceof AvalError && error.code === 'OBJECT_MISSING'
      // A removal that began after the list was made.
      if (gone && (await repository.store.stat(key)) === undefined) return undefined
      if (!(error instanceof AvalError) || error.code !== 'OBJECT_OTHER_KEY') throw error
      closed.push(error)
      return undefined
    })
    if (info) backups.push(info)
  }
  backups.sort((a, b) => a.stoppedAt - b.stoppedAt)
  const [first] = closed
  if (first && !options.openable) throw withNewestOpenable(first, backups.at(-1)?.id)
  return backups
}
