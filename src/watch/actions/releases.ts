import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { whileLocked } from '../../synced-file.ts'

const releaseSchema = z.object({ version: z.string(), since_ms: z.int().nullable() })

/** Writes down which version runs, where it is another than the last. The first has no time: it may have run long before anybody looked. */
export function noteVersion(database: DatabaseSync, version: string, nowMs: number): void {
  whileLocked(database, () => {
    const last = newest(database)
    if (last?.version === version) return
    database
      .prepare('INSERT INTO releases (version, since_ms) VALUES (?, ?)')
      .run(version, last === undefined ? null : nowMs)
  })
}

/** Since when the version that runs does; milliseconds since the epoch, undefined where nobody knows. */
export function newestRelease(database: DatabaseSync): number | undefined {
  return newest(database)?.since_ms ?? undefined
}

function newest(database: DatabaseSync): z.infer<typeof releaseSchema> | undefined {
  const row = database.prepare('SELECT version, since_ms FROM releases ORDER BY number DESC LIMIT 1').get()
  return releaseSchema.optional().parse(row)
}
