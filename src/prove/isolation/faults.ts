import { type Client, escapeIdentifier } from 'pg'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Fault, FaultMutant } from '../prover.ts'
import { type Catalog, readCatalog, type Table } from './catalog.ts'
import { ownershipOf } from './ownership.ts'
import { rightsOf } from './world.ts'

/** A break of any schema: statements over a table that holds rows of tenants, and a role that reads and writes it. */
interface Break {
  fault: Fault
  description: string
  says: RegExp
  sql(at: Place): readonly string[]
}

interface Place {
  table: Table
  schema: string
  role: string
  /** Column of the tenant, and its type. */
  tenant: string
  type: string
  /** What its policies let the role read, as SQL. */
  readable: string
  owner: string
}

const breaks: readonly Break[] = [
  {
    fault: 'isolation-policy-true',
    description: 'A second policy lets everybody read a table',
    says: /reads rows of another/,
    sql: ({ table, role }) => [`CREATE POLICY aval_all ON ${table.sql} FOR SELECT TO ${role} USING (true)`],
  },
  {
    fault: 'isolation-check-true',
    description: 'What is inserted is not compared with the tenant',
    says: /inserts for another/,
    sql: ({ table, role }) => [`CREATE POLICY aval_insert ON ${table.sql} FOR INSERT TO ${role} WITH CHECK (true)`],
  },
  {
    fault: 'isolation-security-off',
    description: 'Row security is off on one table',
    says: /has no row security/,
    sql: ({ table }) => [`ALTER TABLE ${table.sql} DISABLE ROW LEVEL SECURITY`],
  },
  {
    fault: 'isolation-not-forced',
    description: 'A role may become the owner, whom row security does not bind',
    says: /is not bound by the row security/,
    sql: ({ table, role, owner }) => [
      `ALTER TABLE ${table.sql} NO FORCE ROW LEVEL SECURITY`,
      `GRANT ${owner} TO ${role}`,
    ],
  },
  {
    fault: 'isolation-bypass',
    description: 'A role passes row security',
    says: /passes row security/,
    sql: ({ role }) => [`ALTER ROLE ${role} BYPASSRLS`],
  },
  {
    fault: 'isolation-definer',
    description: 'A function that acts as somebody else counts the rows of all',
    says: /learns of another from aval_count/,
    sql: ({ table, schema, role }) => [
      `CREATE FUNCTION ${schema}.aval_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT count(*) FROM ${table.sql}'`,
      `GRANT EXECUTE ON FUNCTION ${schema}.aval_count TO ${role}`,
    ],
  },
  {
    fault: 'isolation-view',
    description: 'A view shows what its owner may see',
    says: /(reads|counts) rows of another in aval_view/,
    sql: ({ table, schema, role }) => [
      `CREATE VIEW ${schema}.aval_view AS SELECT * FROM ${table.sql}`,
      `GRANT SELECT ON ${schema}.aval_view TO ${role}`,
    ],
  },
  {
    fault: 'isolation-partition',
    description: 'A partition is attached without row security',
    says: /no row security on aval_parted_one/,
    sql: ({ schema, role, tenant, type }) => [
      `CREATE TABLE ${schema}.aval_parted (${tenant} ${type} NOT NULL) PARTITION BY HASH (${tenant})`,
      `ALTER TABLE ${schema}.aval_parted ENABLE ROW LEVEL SECURITY`,
      `ALTER TABLE ${schema}.aval_parted FORCE ROW LEVEL SECURITY`,
      `CREATE TABLE ${schema}.aval_parted_one PARTITION OF ${schema}.aval_parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
      `GRANT SELECT ON ${schema}.aval_parted_one TO ${role}`,
    ],
  },
  {
    fault: 'isolation-tenant-moves',
    description: 'The tenant of a row may be changed',
    says: /hands rows over to another/,
    sql: ({ table, role, tenant, readable }) => [
      `GRANT UPDATE (${tenant}) ON ${table.sql} TO ${role}`,
      `CREATE POLICY aval_move ON ${table.sql} FOR UPDATE TO ${role} USING (${readable}) WITH CHECK (true)`,
    ],
  },
  {
    fault: 'isolation-truncate',
    description: 'A role may empty a table, which row security does not hinder',
    says: /empties/,
    sql: ({ table, role }) => [`GRANT TRUNCATE ON ${table.sql} TO ${role}`],
  },
  {
    fault: 'isolation-sequence',
    description: 'A sequence that counts for all may be read',
    says: /counts what others write by aval_numbers/,
    sql: ({ schema, role }) => [
      `CREATE SEQUENCE ${schema}.aval_numbers`,
      `GRANT SELECT ON SEQUENCE ${schema}.aval_numbers TO ${role}`,
    ],
  },
  {
    fault: 'isolation-unique',
    description: 'A value must be unique over all tenants',
    says: /learns which values another has/,
    sql: ({ schema, role, tenant, type }) => [
      `CREATE TABLE ${schema}.aval_handles (${tenant} ${type} NOT NULL, handle text NOT NULL UNIQUE)`,
      `ALTER TABLE ${schema}.aval_handles ENABLE ROW LEVEL SECURITY`,
      `ALTER TABLE ${schema}.aval_handles FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY aval_insert ON ${schema}.aval_handles FOR INSERT TO ${role} WITH CHECK (true)`,
      `GRANT INSERT ON ${schema}.aval_handles TO ${role}`,
    ],
  },
]

export const isolationMutants: readonly FaultMutant[] = breaks.map(({ fault, description, says }) => ({
  id: fault,
  fault,
  description,
  says,
  breaks: (guarantees: readonly Guarantee[]) => guarantees.find(({ id }) => id === 'isolation/database/rows'),
}))

/** Puts in the breaks that are asked for. @throws when the schema has no table that a role both reads and writes */
export async function breakIsolation(
  client: Client,
  faults: ReadonlySet<Fault>,
  { roles, owner, tenant }: { roles: readonly string[]; owner: string; tenant: string },
): Promise<void> {
  const wanted = breaks.filter(({ fault }) => faults.has(fault))
  if (wanted.length === 0) return
  const place = await placeOf(client, await readCatalog(client), roles.length > 0 ? roles : [owner], tenant)
  if (place === undefined)
    throw new Error('no role both reads and writes a table of tenants, so that nothing can be broken')
  for (const each of wanted)
    for (const statement of each.sql({ ...place, owner: escapeIdentifier(owner) })) await client.query(statement)
}

async function placeOf(
  client: Client,
  catalog: Catalog,
  roles: readonly string[],
  tenant: string,
): Promise<Omit<Place, 'owner'> | undefined> {
  const ownership = ownershipOf(catalog, tenant)
  const policed = new Set(catalog.policies.map(({ table }) => table))
  for (const role of roles) {
    const rights = await rightsOf(client, role)
    for (const table of catalog.tables) {
      const column = table.columns.find(({ name }) => name === tenant)
      const usable =
        column !== undefined &&
        ownership.has(table.oid) &&
        policed.has(table.oid) &&
        table.partitionOf === null &&
        table.foreignKeys.length > 0 &&
        rights.read.get(table.oid)?.includes(tenant) === true &&
        rights.insert.get(table.oid)?.includes(tenant) === true
      if (column === undefined || !usable) continue
      return {
        table,
        schema: escapeIdentifier(table.schema),
        role: escapeIdentifier(role),
        tenant: escapeIdentifier(tenant),
        type: column.type,
        readable: await readableBy(client, role, table),
      }
    }
  }
  return undefined
}

/** What the policies of a table let a role read: `false` without any. */
async function readableBy(client: Client, role: string, { oid }: Table): Promise<string> {
  const { rows } = await client.query<{ condition: string | null }>(
    `SELECT string_agg('(' || pg_get_expr(polqual, polrelid) || ')', ' OR ') AS condition FROM pg_policy
     WHERE polrelid = $1 AND polpermissive AND polcmd IN ('r', '*')
       AND (0 = ANY (polroles) OR EXISTS (SELECT FROM unnest(polroles) r WHERE pg_has_role($2, r, 'USAGE')))`,
    [oid, role],
  )
  return rows[0]?.condition ?? 'false'
}
