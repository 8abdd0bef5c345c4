import { type Binaries, findBinaries } from '../../postgres/binaries.ts'
import type { EngineBackup } from '../engine.ts'

/**
 * The programs of a server that can run on what is restored: of the same major version for a copy of files, of the same or else a newer one
 * for a dump. Those from npm and those of the machine are both looked for.
 * @param first which of the two when both would do.
 * @throws POSTGRES_NOT_FOUND saying which version is needed.
 */
export async function serverForBackup(
  backup: Pick<EngineBackup, 'engine' | 'postgres'>,
  first: 'embedded' | 'installed' = 'embedded',
): Promise<Binaries> {
  const { major } = backup.postgres
  const second = first === 'embedded' ? 'installed' : 'embedded'
  const same = await findBinaries(first, { major }).catch(() => findBinaries(second, { major }).catch(() => undefined))
  if (same) return same
  if (backup.engine !== 'logical') return findBinaries(second, { major })
  return findBinaries(first, { minimum: major }).catch(() => findBinaries(second, { minimum: major }))
}
