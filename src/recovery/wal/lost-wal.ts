import { layout } from '../repository/layout.ts'
import { once, type Repository } from '../repository/repository.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import type { StartPoint } from './wal-start.ts'

/** WAL that the server had removed before it could be received. */
export interface LostWal {
  timeline: number
  from: Lsn
  to: Lsn
}

/**
 * Writes down what could not be received, so that a hole nobody can fill is told from one that was made.
 * @returns undefined when nothing was lost after all.
 */
export async function noteLostWal(
  repository: Repository,
  from: Lsn,
  { timeline, lsn: to }: StartPoint,
): Promise<LostWal | undefined> {
  if (to <= from) return undefined
  const text = Buffer.from(JSON.stringify({ from: formatLsn(from), to: formatLsn(to) }))
  await repository.put(layout.gap(timeline, from, to), once(text), { digest: repository.digest(text) })
  return { timeline, from, to }
}
