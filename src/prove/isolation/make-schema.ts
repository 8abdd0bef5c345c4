import type { Clock } from '../../clock.ts'
import { describeError } from '../../errors.ts'
import { applyMigrations } from '../../postgres/migrations/apply.ts'
import type { Migration } from '../../postgres/migrations/migration.ts'

/**
 * Applies every migration, or as many as there are before one that is broken: what those made may be attacked all the same.
 * @param url of the database, as the owner of its migrations
 * @returns the file that stopped it and why; undefined when all went through
 */
export async function makeSchema(
  url: string,
  migrations: readonly Migration[],
  options: { clock: Clock; signal: AbortSignal },
): Promise<string | undefined> {
  try {
    await applyMigrations(url, migrations, options)
    return undefined
  } catch {
    options.signal.throwIfAborted()
  }
  // A folder that cannot go through whole is not begun; here each file goes for itself.
  for (const [place, { name }] of migrations.entries()) {
    try {
      await applyMigrations(url, migrations.slice(0, place + 1), options)
    } catch (error) {
      options.signal.throwIfAborted()
      return `${name}: ${describeError(error)}`
    }
  }
  return undefined
}
