import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import type { Environment } from '../../run/environment.ts'
import type { Steps } from '../steps.ts'
import type { Inspection } from './inspection.ts'

/**
 * Reads every page of every table and index with Postgres's own checker (`amcheck`): heap against its own structure, each
 * B-tree against its order and against every row of its table. Page checksums are compared on the way, since every page is read.
 * Of indexes of other kinds, which the checker does not know in every version, the checksums are all that is compared.
 */
export async function inspectPages(adminUrl: string, steps: Steps): Promise<Inspection> {
  return withClient(adminUrl, async (client) => {
    const problems: string[] = []
    const { rows: setting } = await client.query<{ on: string }>("SELECT current_setting('data_checksums') AS on")
    if (setting[0]?.on !== 'on') problems.push('page checksums are off')
    await client.query('CREATE EXTENSION IF NOT EXISTS amcheck')
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_prewarm')
    const relations = async (kind: string) => {
      const { rows } = await client.query<{ oid: number; name: string }>(
        `SELECT c.oid::int AS oid, c.oid::regclass::text AS name FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
         LEFT JOIN pg_index i ON i.indexrelid = c.oid
         WHERE c.relpersistence = 'p' AND ${kind} ORDER BY c.oid`,
      )
      return rows
    }
    const tables = await relations("c.relkind IN ('r', 't', 'm') AND a.amname = 'heap'")
    const indexes = await relations("c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid AND i.indisready")
    const others = await relations("c.relkind = 'i' AND a.amname <> 'btree' AND i.indisvalid AND i.indisready")
    const each = async (found: { oid: number; name: string }[], check: (oid: number) => Promise<string[]>) => {
      for (const { oid, name } of found) {
        try {
          problems.push(...(await check(oid)).map((problem) => `${name}: ${problem}`))
        } catch (error) {
          problems.push(`${name}: ${messageOf(error)}`)
        }
      }
    }
    await steps.do(
      'every page of every table read',
      () =>
        each(tables, async (oid) => {
          const { rows } = await client.query<{ msg: string }>(
            'SELECT msg FROM verify_heapam($1::oid::regclass, check_toast => true)',
            [oid],
          )
          return rows.map((row) => row.msg)
        }),
      () => `${tables.length} tables`,
    )
    await steps.do(
      'every index compared with its table',
      () =>
        each(indexes, async (oid) => {
          await client.query('SELECT bt_index_parent_check($1::oid::regclass, true, true)', [oid])
          return []
        }),
      () => `${indexes.length} indexes`,
    )
    await steps.do(
      'every page of every other index read',
      () =>
        each(others, async (oid) => {
          await client.query("SELECT pg_prewarm($1::oid::regclass, 'buffer')", [oid])
          return []
        }),
      () => `${others.length} indexes`,
    )
    return {
      violations: problems.length,
      sample: { size: tables.length + indexes.length + others.length, of: 'tables and indexes' },
      reason: problems.length === 0 ? 'Every page, row and index entry is sound' : problems.slice(0, 3).join('; '),
      steps: steps.done(),
    }
  })
}

/** A mutant: overwrites bytes in the middle of an index of the system while its server is stopped. */
export async function corruptIndex(environment: Environment, clock: Clock): Promise<void> {
  const { server, binaries, database } = environment
  const path = await withClient(server.url({ database: database.name }), async (client) => {
    const { rows } = await client.query<{ path: string }>(
      `SELECT pg_relation_filepath(i.indexrelid) AS path FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND pg_relation_size(i.indexrelid) >= 16384 ORDER BY pg_relation_size(i.indexrelid) DESC LIMIT 1`,
    )
    return rows[0]?.path
  })
  if (path === undefined) throw new Error('no index is large enough to corrupt')
  await environment.stopServices()
  await server.stop('fast')
  const file = await open(join(server.dataDirectory, path), 'r+')
  try {
    await file.write(Buffer.alloc(512, 0xa5), 0, 512, 8_192 + 4_096)
    await file.sync()
  } finally {
    await file.close()
  }
  await environment.replaceServer(
    await startServer({ dataDirectory: server.dataDirectory, binaries, clock, port: server.port }),
  )
}
