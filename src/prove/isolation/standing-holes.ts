import type { Client } from 'pg'
import type { Database } from '../../plan/database.ts'
import { actorsOf } from './actors.ts'
import { lookAtStanding } from './attacks/standing.ts'
import { readCatalog } from './catalog.ts'
import type { Hole } from './hole.ts'
import { isExcepted } from './isolate.ts'

/** What a project of Supabase brings, which is guarded by Supabase and no promise of the plan. */
const schemasOfSupabase = [
  'auth',
  'cron',
  'extensions',
  'graphql',
  'graphql_public',
  'net',
  'pgsodium',
  'realtime',
  'storage',
  'supabase_functions',
  'vault',
]

/**
 * Holes that the catalog alone shows: tables without row security, and roles that it does not bind. Nothing is written, so that it may be asked of any server.
 * @param client of any role, since the catalog is open to all
 * @param options.roles that clients are served as; without any the owner of the tables is
 */
export async function standingHoles(
  client: Client,
  options: {
    roles: readonly string[]
    rowSecurity: NonNullable<Database['rowSecurity']>
    platform: Database['platform']
  },
): Promise<{ holes: Hole[]; tables: number }> {
  const { roles, rowSecurity, platform } = options
  const catalog = await readCatalog(client)
  const others = platform === 'supabase' ? schemasOfSupabase : []
  const tables = catalog.tables.filter((table) => !isExcepted(table, rowSecurity) && !others.includes(table.schema))
  const owner = tables[0]?.owner ?? ''
  const holes: Hole[] = []
  const actors = actorsOf(roles.length > 0 ? roles : [owner], catalog, {}, '')
  lookAtStanding({ catalog, owner, actors, tables, found: (hole) => holes.push(hole) })
  return { holes, tables: tables.length }
}
