import { type BackupInfo, backupInfoSchema } from './backup-info.ts'
import { layout } from './layout.ts'
import { type Repository, readJson } from './repository.ts'

/** Every complete backup, oldest first; reads one small object for each. */
export async function listBackups(repository: Repository): Promise<BackupInfo[]> {
  const backups: BackupInfo[] = []
  for await (const { key } of repository.store.list(layout.backups)) {
    if (key.endsWith('/backup')) backups.push(await readJson(repository, key, backupInfoSchema))
  }
  return backups.sort((a, b) => a.stoppedAt - b.stoppedAt)
}
