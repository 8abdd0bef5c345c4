import type { Client } from 'pg'
import type { Database } from '../../plan/database.ts'
import { withClient } from '../../postgres/connection.ts'
import { seededRandom } from '../../random.ts'
import { actorsOf } from './actors.ts'
import { attackReads } from './attacks/difference.ts'
import { attackByGrants } from './attacks/grants.ts'
import { attackByConstraints } from './attacks/probes.ts'
import { lookAtSearchPaths } from './attacks/search-paths.ts'
import { attackSequences, lookAtStanding } from './attacks/standing.ts'
import { attackWrites } from './attacks/writes.ts'
import { replica } from './attempt.ts'
import { type Catalog, readCatalog, type Table } from './catalog.ts'
import { controlOf } from './control.ts'
import type { Hole } from './hole.ts'
import { identityOf, spokenFor } from './identity.ts'
import { logTables } from './logged.ts'
import { type MadeRow, makeRows } from './make-rows.ts'
import { ownershipOf } from './ownership.ts'
import { openPartitions } from './partitions.ts'
import { type Remark, remarksOn } from './remarks.ts'
import { valueFor } from './values.ts'
import { type Rights, rightsOf, type World } from './world.ts'

type RowSecurity = NonNullable<Database['rowSecurity']>

export interface IsolationOptions {
  /** Owner of the schema. */
  owner: string
  /** Roles that clients are served as; without any the owner is. */
  roles: readonly string[]
  rowSecurity: RowSecurity
  seed: number
  signal?: AbortSignal
}

/** What an attack on every table found. */
export interface IsolationResult {
  holes: Hole[]
  tables: string[]
  /** Tables that were left out because the plan says so. */
  excepted: string[]
  /** Tables without a row of each tenant, and why. */
  unmade: { table: string; why: string }[]
  /** Writes that something else than row security refused: role, way, table and SQLSTATE. */
  undecided: string[]
  /** What is out of the ordinary, and policies that fail whoever asks. */
  remarks: Remark[]
  /** Settings by which the tenant was named. */
  settings: string[]
  /** Whether anybody could see rows of their own: if nobody could, refusals prove nothing. */
  controlled: boolean
  actors: string[]
  statements: number
}

/** In a transaction of its own, that is never committed. @throws as {@link isolateWithin} */
export function isolate(options: IsolationOptions & { adminUrl: string }): Promise<IsolationResult> {
  return withClient(options.adminUrl, async (client) => {
    await client.query('BEGIN')
    try {
      return await isolateWithin(client, options)
    } finally {
      await client.query('ROLLBACK')
    }
  })
}

/**
 * Makes rows of two tenants and tries to get from one to the other.
 * @param client a superuser, on the database, in a transaction that is to be rolled back
 * @throws errors of the server that belong to no attempt
 */
export async function isolateWithin(client: Client, options: IsolationOptions): Promise<IsolationResult> {
  const { rowSecurity, owner } = options
  const catalog = await readCatalog(client)
  const ownership = ownershipOf(catalog, rowSecurity.tenant)
  const identity = rowSecurity.identity ?? identityOf(catalog, ownership, rowSecurity.tenant)
  const random = seededRandom(options.seed).fork('isolation')
  const [own, other] = [tenantOf(catalog, rowSecurity.tenant, random), tenantOf(catalog, rowSecurity.tenant, random)]
  const serving = options.roles.length > 0 ? options.roles : [owner]
  const actors = actorsOf(serving, catalog, identity, own)
  await client.query("SET LOCAL statement_timeout = '10s'; SET LOCAL session_replication_role = replica")
  await openPartitions(client, catalog)
  await logTables(client, catalog)
  const shared = new Map<number, MadeRow>()
  const making = { catalog, ownership, random, said: rowSecurity.rows }
  const mine = await makeRows(client, own, shared, making)
  const theirs = await makeRows(client, other, shared, making)
  await client.query(replica('SELECT'))
  const rights = new Map<string, Rights>()
  for (const { as } of actors) if (!rights.has(as)) rights.set(as, await rightsOf(client, as))
  const holes = new Map<string, Hole>()
  const undecided = new Set<string>()
  let statements = 0
  const tables = catalog.tables.filter((table) => !isExcepted(table, rowSecurity))
  const world: World = {
    client,
    catalog,
    ownership,
    tables,
    owner,
    own: { tenant: own, rows: mine.rows },
    other: { tenant: other, rows: theirs.rows },
    actors,
    rights,
    speaking: (tenant, role) => spokenFor(identity, tenant, role),
    found: (hole) => {
      const key = `${hole.role} ${hole.way} ${hole.on} ${hole.through ?? ''} ${hole.what}`
      if (!holes.has(key)) holes.set(key, hole)
    },
    undecided: (what) => undecided.add(what),
    tried: () => {
      options.signal?.throwIfAborted()
      statements += 1
    },
  }
  for (const look of standing) await look(world)
  // A setting that was made once is there for the rest of the connection, if blank: who speaks for nobody goes first.
  for (const speaks of ['nobody', 'own', 'blank'] as const) {
    const speakers = { ...world, actors: actors.filter((actor) => actor.speaks === speaks) }
    for (const attack of attacks) await attack(speakers)
  }
  for (const attack of withGrants) await attack(world)
  const { controlled, failing } = await controlOf(world)
  const unmade = new Map([...mine.unmade, ...theirs.unmade])
  return {
    holes: [...holes.values()],
    tables: tables.filter(({ oid }) => ownership.has(oid)).map(({ name }) => name),
    excepted: catalog.tables.filter((table) => isExcepted(table, rowSecurity)).map(({ name }) => name),
    unmade: tables.flatMap(({ oid, name }) => {
      const why = unmade.get(oid)
      return why === undefined ? [] : [{ table: name, why }]
    }),
    undecided: [...undecided],
    remarks: [...remarksOn(catalog, ownership), ...failing],
    settings: Object.keys(identity),
    controlled,
    actors: [...new Set(actors.map(({ role, as }) => (role === as ? role : `${role} as ${as}`)))],
    statements,
  }
}

type Attack = (world: World) => void | Promise<void>

const standing: readonly Attack[] = [lookAtStanding, lookAtSearchPaths]
const attacks: readonly Attack[] = [attackReads, attackWrites, attackByConstraints]
const withGrants: readonly Attack[] = [attackByGrants, attackSequences]

export function isExcepted({ schema, name }: Table, { except }: RowSecurity): boolean {
  return name in except || `${schema}.${name}` in except
}

function tenantOf({ tables }: Catalog, tenant: string, random: ReturnType<typeof seededRandom>): string {
  const column = tables.flatMap(({ columns }) => columns).find(({ name }) => name === tenant)
  return (column === undefined ? undefined : valueFor(column, random)) ?? 'tenant'
}
