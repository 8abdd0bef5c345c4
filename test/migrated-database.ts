import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { type Plan, type PlanInput, parsePlan } from '../src/plan/plan.ts'
import { findBinaries } from '../src/postgres/binaries.ts'
import { withClient } from '../src/postgres/connection.ts'
import { startServer } from '../src/postgres/launch.ts'
import { applyMigrations } from '../src/postgres/migrations/apply.ts'
import { readMigrations } from '../src/postgres/migrations/read.ts'
import { migrationStatus } from '../src/postgres/migrations/status.ts'
import { temporaryPlace } from '../src/postgres/place.ts'
import type { OwnedServer } from '../src/postgres/server.ts'
import { prepareSystem } from '../src/run/prepare-system.ts'

export type Row = Record<string, unknown>

/** A real Postgres of its own, prepared as the plan of a system says, with all of its migrations applied by the owner. */
export interface MigratedDatabase {
  plan: Plan
  /** The superuser. */
  adminUrl: string
  ownerUrl: string
  roleUrl(role: string): string
  /** Statements of one transaction that is rolled back in the end, so that no test sees another's rows. */
  attempt<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T>
  /** One statement that stays. */
  ask(url: string, sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** How each migration stands, by name. */
  states(): Promise<Record<string, string>>
  close(): Promise<void>
}

export type Ask = (sql: string, values?: readonly unknown[]) => Promise<Row[]>

/** @param directory absolute folder of the system */
export async function migratedDatabase(input: PlanInput, directory: string): Promise<MigratedDatabase> {
  const parsed = parsePlan(input)
  if ('problems' in parsed) throw new Error(`the plan has no shape: ${JSON.stringify(parsed.problems)}`)
  const { plan } = parsed
  if (!plan.database) throw new Error(`${plan.system} has no database`)
  const { migrations: folder } = plan.database
  const place = await temporaryPlace('aval-test')
  let server: OwnedServer | undefined
  const close = async () => {
    await server?.stop()
    await place.remove()
  }
  try {
    server = await startServer({
      dataDirectory: join(place.path, 'data'),
      binaries: await findBinaries('embedded'),
      clock: systemClock,
    })
    const database = await prepareSystem(server, plan.system, plan.database, randomBytes(32))
    const migrations = await readMigrations(folder.layout, join(directory, folder.directory))
    await applyMigrations(database.ownerUrl, migrations)
    return {
      plan,
      adminUrl: database.adminUrl,
      ownerUrl: database.ownerUrl,
      roleUrl: database.roleUrl,
      close,
      ask: (url, sql, values = []) =>
        withClient(url, async (client) => (await client.query<Row>(sql, [...values])).rows),
      attempt: (url, work) =>
        withClient(url, async (client) => {
          await client.query('BEGIN')
          try {
            return await work(async (sql, values = []) => (await client.query<Row>(sql, [...values])).rows)
          } finally {
            await client.query('ROLLBACK')
          }
        }),
      states: async () => {
        const states = await migrationStatus(database.ownerUrl, migrations)
        return Object.fromEntries(states.map(({ id, state }) => [id, state]))
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
