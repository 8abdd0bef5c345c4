import { failure } from '../../errors.ts'
import { sqlState } from '../../postgres/sql-state.ts'
import { listBackups } from '../repository/list-backups.ts'
import { type Repository, readWhole } from '../repository/repository.ts'
import type { Identified } from '../repository/server-identity.ts'
import { readManifest } from '../restore/restore-chain.ts'
import { readChecked } from '../retention/checked.ts'
import type { ReplicationConnection } from '../wal/replication.ts'
import { chainOf } from './backup-chain.ts'
import type { BackupInfo } from './backup-info.ts'

/** The first major version of Postgres that takes incremental backups. */
export const firstIncrementalMajor = 17

/**
 * Chooses what an incremental backup follows: the newest backup on the timeline of the server whose chain is whole and of which no
 * verification found damage. One of another timeline is none: after a restore a full backup comes first.
 * @throws BACKUP_INCREMENTAL_TOO_OLD, BACKUP_SUMMARIES_OFF, BACKUP_NO_PARENT
 */
export async function chooseParent(
  repository: Repository,
  connection: ReplicationConnection,
  { major, version, timeline }: Identified,
): Promise<BackupInfo> {
  if (major < firstIncrementalMajor) throw failure('BACKUP_INCREMENTAL_TOO_OLD', { version })
  const [[summaries] = []] = await connection.query('SHOW summarize_wal')
  if (summaries !== 'on') throw failure('BACKUP_SUMMARIES_OFF', {})
  const all = await listBackups(repository)
  const checked = await readChecked(repository)
  const checksums = await hasPageChecksums(connection)
  // Checksums that were given to all pages of a stopped server are in no note: pages of before would be without.
  const fits = ({ pageChecksums }: BackupInfo) => pageChecksums !== false || !checksums
  const sound = (backup: BackupInfo) => checked.get(backup.id)?.sound !== false && fits(backup)
  const whole = (backup: BackupInfo) => {
    try {
      return chainOf(backup, all).every(sound)
    } catch {
      return false
    }
  }
  const parent = all.findLast((backup) => backup.timeline === timeline && whole(backup))
  if (!parent) throw failure('BACKUP_NO_PARENT', { timeline: String(timeline) })
  return parent
}

/** Whether the pages of the cluster carry checksums. */
export async function hasPageChecksums(connection: ReplicationConnection): Promise<boolean> {
  const [[checksums] = []] = await connection.query('SHOW data_checksums')
  return checksums === 'on'
}

/**
 * Tells the server which backup the next one on this connection is the difference to.
 * @throws OBJECT_DAMAGED, OBJECT_MISSING
 */
export async function uploadManifest(
  repository: Repository,
  connection: ReplicationConnection,
  parent: BackupInfo,
): Promise<void> {
  await readManifest(repository, parent)
  await connection.upload('UPLOAD_MANIFEST', await readWhole(repository, parent.manifest.key))
}

/** What a server without the notes it needs says, put for people: SQLSTATE 55000. */
export function summariesMissing(error: unknown, parent: BackupInfo): unknown {
  if (!(error instanceof Error) || sqlState(error) !== '55000') return error
  return failure('BACKUP_SUMMARIES_MISSING', { parent: parent.id, problem: error.message })
}
