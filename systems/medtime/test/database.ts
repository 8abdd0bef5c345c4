import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../src/clock.ts'
import { findBinaries } from '../../../src/postgres/binaries.ts'
import { withClient } from '../../../src/postgres/connection.ts'
import { type PreparedDatabase, prepareDatabase } from '../../../src/postgres/database.ts'
import { startServer } from '../../../src/postgres/launch.ts'
import { temporaryPlace } from '../../../src/postgres/place.ts'

export const migrationsDirectory = join(import.meta.dirname, '../migrations')

export interface TestServer {
  /** A new database with the roles and extensions of the plan, and nothing in it yet. */
  createDatabase(name: string): Promise<PreparedDatabase>
  /** A copy of a database that nobody is connected to. */
  copyDatabase(from: string, name: string): Promise<PreparedDatabase>
  stop(): Promise<void>
}

/** A Postgres of its own in a directory of its own. */
export async function startTestServer(settings: Record<string, string | number | boolean> = {}): Promise<TestServer> {
  const place = await temporaryPlace('medtime')
  const dataDirectory = join(place.path, 'data')
  const server = await startServer({
    dataDirectory,
    binaries: await findBinaries('embedded'),
    clock: systemClock,
    settings,
  })
  const secret = randomBytes(32)
  const createDatabase = (name: string) =>
    prepareDatabase(server, {
      name,
      owner: 'medtime_owner',
      roles: ['medtime_api', 'medtime_accounts', 'medtime_messenger', 'medtime_catalog'],
      extensions: ['uuid-ossp', 'pgcrypto', 'pg_trgm'],
      secret,
    })
  return {
    createDatabase,
    copyDatabase: async (from, name) => {
      await withClient(server.url(), async (client) => {
        const [copy, original] = [name, from].map((each) => client.escapeIdentifier(each))
        await client.query(`CREATE DATABASE ${copy} TEMPLATE ${original} OWNER medtime_owner`)
      })
      return createDatabase(name)
    },
    stop: async () => {
      await server.stop('immediate')
      await place.remove()
    },
  }
}

/** Migrations in order: those up, or the ways back from the last to the first. */
export async function migrationFiles(direction: 'up' | 'down'): Promise<{ name: string; sql: string }[]> {
  const directory = direction === 'up' ? migrationsDirectory : join(migrationsDirectory, 'down')
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  if (direction === 'down') names.reverse()
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(directory, name), 'utf8') })))
}

/** Runs every migration as the owner, each in a transaction. */
export async function migrate(ownerUrl: string, direction: 'up' | 'down' = 'up'): Promise<void> {
  const files = await migrationFiles(direction)
  await withClient(ownerUrl, async (client) => {
    for (const { sql } of files) await client.query(`BEGIN;\n${sql}\nCOMMIT;`)
  })
}
