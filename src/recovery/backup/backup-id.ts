import { failure } from '../../errors.ts'

/** Shorter beginnings are taken for a slip: eight characters are a day. */
const shortest = 8

/**
 * The backup a person means by an id, or by as much of its beginning as tells it from the others.
 * @throws BACKUP_UNKNOWN, BACKUP_AMBIGUOUS naming those that begin so.
 */
export function meantBackup(given: string, ids: readonly string[]): string {
  // Some ids are the beginning of another: of a full backup and of what builds on it.
  if (ids.includes(given)) return given
  const begun = given.length < shortest ? [] : [...new Set(ids)].filter((id) => id.startsWith(given))
  const [only, ...others] = begun
  if (only === undefined) throw failure('BACKUP_UNKNOWN', { id: given })
  if (others.length > 0) throw failure('BACKUP_AMBIGUOUS', { id: given, ids: begun.join(', ') })
  return only
}
