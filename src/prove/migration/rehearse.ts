import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Client, DatabaseError, escapeIdentifier } from 'pg'
import { messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import type { PreparedDatabase } from '../../postgres/database.ts'
import { startServer } from '../../postgres/launch.ts'
import { applyMigrations } from '../../postgres/migrations/apply.ts'
import type { Migration } from '../../postgres/migrations/migration.ts'
import { systemMigrations } from '../../postgres/migrations/read.ts'
import { reachable, removeReachable } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { type Random, seededRandom } from '../../random.ts'
import { scratchBinaries } from '../../run/environment.ts'
import { prepareSystem } from '../../run/prepare-system.ts'
import type { ProofSession } from '../prover.ts'
import type { Steps } from '../steps.ts'
import { type BlockingLock, watchLocks } from './blocking-locks.ts'
import { withBrokenMigration } from './faults.ts'
import { type Filling, fillTables } from './fill-tables.ts'
import { differences, goBack, schemaParts, wayBackOf } from './way-back.ts'
import { startWorkload } from './workload.ts'

/** What applying every migration came to. */
export interface Rehearsal {
  migrations: readonly Migration[]
  /** Every lock on a table with data by which others wait, the longest first. */
  locks: BlockingLock[]
  workload: { writes: number; longestMs: number; table: string | undefined }
  /** What the last state was filled with. */
  filling: Filling
  bytes: number
  /** Migrations that were taken back and applied again, and what their way back did not bring back or left. */
  reverted: { migration: string; differences: string[] }[]
  /** Migrations that apply from empty and not over data, and what the server said of each. */
  refused: { migration: string; says: string }[]
  /** Migrations that the plan lets run without data, with its reason. */
  withoutData: { migration: string; reason: string }[]
}

/** A migration that does not apply. */
export class NotApplied extends Error {}

/**
 * Applies every migration of a system from empty, and then again one by one, each over data and under clients at work, on a server of its own.
 * @param rows rows a table
 * @throws NotApplied when one of them does not; errors of the server
 */
export async function rehearse(session: ProofSession, rows: number, steps: Steps): Promise<Rehearsal> {
  const { system, scratch, clock } = session
  const plan = system.plan.database
  if (plan === undefined) throw new Error('the plan has no database')
  const directory = await reachable(join(scratch.directory, 'migration'))
  const binaries = await scratchBinaries(system)
  const server = await startServer({
    dataDirectory: directory,
    binaries,
    clock,
    settings: plan.settings,
    standIns: plan.standIns,
  })
  try {
    const read = await systemMigrations(system.directory, plan.migrations)
    const fresh = () => freshDatabase(server, session)
    const migrations = withBrokenMigration(read, {
      faults: session.faults,
      longestMs: plan.migrations.longestBlock,
    })
    await steps.do(
      'every migration applied from empty',
      async () => applied(await fresh(), migrations, session),
      (took) => `${migrations.length} files in ${took} ms`,
    )
    return await steps.do(
      `every migration applied over data, up to ${rows} rows a table, while clients write and read`,
      async () => overData(fresh, migrations, session, rows),
      ({ workload, bytes }) => `${workload.writes} writes answered meanwhile, ${Math.round(bytes / 1e6)} MB in the end`,
    )
  } finally {
    await server.stop('immediate')
    await removeReachable(directory)
  }
}

async function freshDatabase(server: OwnedServer, { system }: ProofSession): Promise<PreparedDatabase> {
  const plan = system.plan.database
  if (plan === undefined) throw new Error('the plan has no database')
  const prepare = () => prepareSystem(server, system.name, plan, randomBytes(32))
  const { name } = await prepare()
  await withClient(server.url(), async (client) => {
    await client.query(`DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`)
    await dropRoles(client)
  })
  return prepare()
}

/** Roles outlive their database, and a migration that makes one would find it there. */
async function dropRoles(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE oid >= 16384 AND NOT rolsuper',
  )
  for (const { name } of rows) {
    await client.query(`DROP ROLE ${escapeIdentifier(name)}`).catch((error: unknown) => {
      // Whoever owns something elsewhere, such as a companion, was there before the migrations.
      if (!(error instanceof DatabaseError && error.code === '2BP01')) throw error
    })
  }
}

async function applied(
  { ownerUrl }: PreparedDatabase,
  migrations: readonly Migration[],
  { clock, signal }: ProofSession,
): Promise<number> {
  const started = clock.now()
  await applyMigrations(ownerUrl, migrations, { clock, signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw new NotApplied(`From empty: ${messageOf(error)}`, { cause: error })
  })
  return clock.now() - started
}

async function overData(
  fresh: () => Promise<PreparedDatabase>,
  migrations: readonly Migration[],
  session: ProofSession,
  rows: number,
): Promise<Rehearsal> {
  const { system, seed, signal } = session
  const random = seededRandom(seed).fork('migration')
  const plan = system.plan.database
  const known = { tenant: plan?.rowSecurity?.tenant ?? 'tenant_id', rows: plan?.rowSecurity?.rows ?? {} }
  const found: Rehearsal = {
    migrations,
    locks: [],
    workload: { writes: 0, longestMs: 0, table: undefined },
    filling: { tables: [], short: [] },
    bytes: 0,
    reverted: [],
    refused: [],
    withoutData: [],
  }
  let database = await fresh()
  for (const [index, migration] of migrations.entries()) {
    signal.throwIfAborted()
    const upTo = migrations.slice(0, index + 1)
    const reason = plan?.migrations.withoutData[migration.id]
    const before = await withClient(database.adminUrl, schemaParts)
    const refusal = reason ?? (await oneOverData(database, upTo, found, session, random.fork(migration.id)))
    if (reason !== undefined) found.withoutData.push({ migration: migration.name, reason })
    else if (refusal !== undefined) found.refused.push({ migration: migration.name, says: refusal })
    if (refusal !== undefined) {
      // What follows is tried all the same, from where this one has been applied without data.
      database = await fresh()
      await applied(database, upTo, session)
    }
    const down = await wayBackOf(migration)
    if (down !== undefined) {
      found.reverted.push({
        migration: migration.name,
        differences: await takenBack(database, migration, down, before),
      })
      await applied(database, upTo, session)
    }
    found.filling = await withClient(database.adminUrl, (client) =>
      fillTables(client, rows, known, random.fork(`rows ${migration.id}`)),
    )
  }
  found.locks.sort((a, b) => b.until - b.from - (a.until - a.from))
  found.bytes = await withClient(database.adminUrl, async (client) => {
    const { rows: sizes } = await client.query<{ bytes: number }>(
      'SELECT pg_database_size(current_database())::float8 AS bytes',
    )
    return sizes[0]?.bytes ?? 0
  })
  return found
}

/**
 * Applies the last of some migrations under load, and adds what was seen.
 * @returns what the server says where it does not apply; undefined where it does
 */
async function oneOverData(
  { adminUrl, owner, ownerUrl }: PreparedDatabase,
  upTo: readonly Migration[],
  found: Rehearsal,
  { clock, signal }: ProofSession,
  random: Random,
): Promise<string | undefined> {
  const { tables } = found.filling
  return withClient(adminUrl, async (client) => {
    const used = new Set(tables.map(({ oid }) => oid))
    const watch = watchLocks({ client, owner, tables: used, clock })
    const workload = await startWorkload({ url: adminUrl, tables, random, clock })
    try {
      await applyMigrations(ownerUrl, upTo, { clock, signal, onlooker: watch })
    } catch (error) {
      signal.throwIfAborted()
      return messageOf(error)
    } finally {
      await workload.stop()
      await watch.stop()
    }
    found.locks.push(...watch.locks())
    const { writes, longestMs, table } = workload.report()
    found.workload.writes += writes
    if (longestMs > found.workload.longestMs) Object.assign(found.workload, { longestMs, table })
    return undefined
  })
}

async function takenBack(
  { adminUrl, ownerUrl }: PreparedDatabase,
  migration: Migration,
  down: string,
  before: ReadonlySet<string>,
): Promise<string[]> {
  try {
    await goBack(ownerUrl, migration, down)
  } catch (error) {
    throw new NotApplied(`The way back of ${migration.name} fails: ${messageOf(error)}`, { cause: error })
  }
  return differences(before, await withClient(adminUrl, schemaParts))
}
