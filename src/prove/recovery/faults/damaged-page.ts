import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { withClient } from '../../../postgres/connection.ts'
import { seededRandom } from '../../../random.ts'
import { pageBytes } from '../../../recovery/repair/page-checksum.ts'
import { damageLeft } from '../actions/repairing.ts'
import type { Strike } from '../run.ts'
import { largestTable } from './lost-rows.ts'

/** A page of the largest table rots on disk: bytes of it change under a server that is started again on them. */
export const damagePage: Strike = async (run) => {
  const { session, site } = run
  const { environment } = site
  const table = await largestTable(run)
  const { path, pages } = await withClient(
    environment.server.url({ database: environment.database.name }),
    async (client) => {
      const { rows } = await client.query<{ path: string; pages: number }>(
        'SELECT pg_relation_filepath($1::regclass) AS path, (pg_relation_size($1::regclass) / $2)::int AS pages',
        [table, pageBytes],
      )
      const [found] = rows
      if (found === undefined || found.pages === 0) throw new Error(`${table} has no page to damage`)
      return found
    },
  )
  const block = seededRandom(session.seed).fork('page').int(pages)
  // Written out and out of memory: a server that has the page cached would not notice for days.
  await environment.server.stop('fast')
  const file = await open(join(environment.server.dataDirectory, path), 'r+')
  try {
    await file.write(Buffer.alloc(64, 0x5a), 0, 64, block * pageBytes + 4_096)
    await file.sync()
  } finally {
    await file.close()
  }
  await environment.restartServer()
  site.announce()
  return {
    at: session.clock.now(),
    what: `64 bytes of block ${block} of ${table} were overwritten on disk`,
    table,
    check: () => damageLeft(run),
  }
}
