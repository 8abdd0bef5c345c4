import { escapeIdentifier } from 'pg'
import { z } from 'zod'
import type { Database } from '../plan/database.ts'
import { withClient } from '../postgres/connection.ts'
import { type PreparedDatabase, prepareDatabase } from '../postgres/database.ts'
import type { Server } from '../postgres/server.ts'
import { prepareSupabase } from '../postgres/supabase-platform.ts'

/** Name of a system's database: `supra-water` is `supra_water`. */
export function databaseName(system: string): string {
  return system.replaceAll('-', '_')
}

/**
 * Makes the database of a system on a server as its plan asks, companions and those optional extensions that the server
 * offers included; changes nothing where all is there.
 * @param secret passwords of the roles are derived from it.
 */
export async function prepareSystem(
  server: Server,
  system: string,
  plan: Database,
  secret: Uint8Array,
): Promise<PreparedDatabase> {
  const name = databaseName(system)
  const owner = plan.owner ?? `${name}_owner`
  const offered = await withClient(server.url(), async (client) => {
    const { rows } = await client.query('SELECT name FROM pg_available_extensions WHERE name = ANY($1)', [
      plan.optionalExtensions,
    ])
    return z.array(z.object({ name: z.string() })).parse(rows)
  })
  const database = await prepareDatabase(server, {
    name,
    owner,
    roles: Object.keys(plan.roles),
    extensions: [...plan.extensions, ...offered.map((extension) => extension.name)],
    secret,
  })
  if (plan.platform === 'supabase') await prepareSupabase(database.adminUrl, owner)
  await makeCompanions(server, Object.keys(plan.companions), owner)
  return database
}

async function makeCompanions(server: Server, names: readonly string[], owner: string): Promise<void> {
  if (names.length === 0) return
  await withClient(server.url(), async (client) => {
    for (const name of names) {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
      if (rowCount === 0) {
        await client.query(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${escapeIdentifier(owner)}`)
      }
    }
  })
}
