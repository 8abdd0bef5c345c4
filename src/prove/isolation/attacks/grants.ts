import { escapeIdentifier, escapeLiteral } from 'pg'
import { type Actor, attempt } from '../attempt.ts'
import type { Table } from '../catalog.ts'
import type { World } from '../world.ts'

/** Grants that let a role hang something of its own on a table: a trigger that is shown every row, a key that tells which rows exist. */
export async function attackByGrants(world: World): Promise<void> {
  for (const actor of world.actors) {
    if (actor.speaks !== 'own') continue
    for (const table of world.tables) {
      if (!world.ownership.has(table.oid)) continue
      await hangTrigger(world, actor, table)
      await referTo(world, actor, table)
    }
  }
  await openNewTables(world)
}

async function hangTrigger(world: World, actor: Actor, { oid, sql, name }: Table): Promise<void> {
  if (world.rights.get(actor.as)?.trigger.has(oid) !== true) return
  world.tried()
  // Of a function that anybody may use: any other of one's own would do as well.
  const statement = `CREATE TRIGGER aval BEFORE UPDATE ON ${sql} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`
  const outcome = await attempt(world.client, actor, { sql: statement })
  if (outcome.refused) return
  world.found({
    role: actor.as,
    way: 'trigger',
    on: name,
    statement,
    what: 'is shown whatever another writes by a trigger of its own on',
    remedy: `REVOKE TRIGGER ON ${sql} FROM ${actor.as}`,
  })
}

/** Keys of one's own are looked up as the owner of the table that they refer to, past its policies. */
async function referTo(world: World, actor: Actor, table: Table): Promise<void> {
  const rights = world.rights.get(actor.as)
  const key = table.uniques.find(({ plain, columns }) => plain && columns.length > 0)
  const theirs = world.other.rows.get(table.oid)
  const allowed = rights?.refer.get(table.oid) ?? []
  if (rights == null || !rights.lasting || key === undefined || theirs === undefined) return
  if (!key.columns.every((column) => allowed.includes(column))) return
  const place = `${rights.makesIn}.aval_refers`
  const names = key.columns.map(escapeIdentifier).join(', ')
  const typed = table.columns.filter(({ name }) => key.columns.includes(name))
  const columns = typed.map(({ name, type }) => `${escapeIdentifier(name)} ${type}`).join(', ')
  const made = `CREATE TABLE ${place} (${columns}, FOREIGN KEY (${names}) REFERENCES ${table.sql} (${names}))`
  const values = typed.map(({ name }) => literal(theirs.values.get(name)))
  world.tried()
  const outcome = await attempt(world.client, actor, {
    sql: `${made}; INSERT INTO ${place} VALUES (${values.join(', ')})`,
  })
  if (outcome.refused) return
  world.found({
    role: actor.as,
    way: 'reference',
    on: table.name,
    statement: `CREATE TABLE ${rights.makesIn}.mine (… REFERENCES ${table.sql}); INSERT INTO ${rights.makesIn}.mine VALUES (the key of another's row)`,
    what: 'learns which rows of another exist by a foreign key of its own to',
    remedy: `REVOKE REFERENCES ON ${table.sql} FROM ${actor.as}`,
  })
}

const literal = (value: string | null | undefined) => (value == null ? 'NULL' : escapeLiteral(value))

/** A table that the next migration makes is open as long as default privileges say so and nothing else has been said. */
async function openNewTables(world: World): Promise<void> {
  const { client, owner } = world
  const roles = [...new Set(world.actors.map(({ as }) => as))].filter((role) => role !== owner)
  for (const schema of new Set(world.tables.map((table) => table.schema))) {
    const sql = `${escapeIdentifier(schema)}.aval_next`
    world.tried()
    await client.query('SAVEPOINT next')
    const made = await client
      .query(`SET LOCAL SESSION AUTHORIZATION ${escapeIdentifier(owner)}; CREATE TABLE ${sql} (tenant int)`)
      .then(() => client.query('SET LOCAL SESSION AUTHORIZATION DEFAULT'))
      .catch(() => undefined)
    const open = made === undefined ? [] : await rolesWith(world, sql, roles)
    await client.query('ROLLBACK TO next; RELEASE next')
    for (const { role, rights } of open)
      world.found({
        role,
        way: 'unguarded',
        on: schema,
        statement: `CREATE TABLE ${escapeIdentifier(schema)}.x (…) as ${owner}; ${rights} ON ${escapeIdentifier(schema)}.x as ${role}`,
        what: 'gets at every table that will be made in',
        remedy: `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${escapeIdentifier(schema)} REVOKE ALL ON TABLES FROM ${role}; and from PUBLIC`,
      })
  }
}

async function rolesWith({ client }: World, table: string, roles: readonly string[]) {
  const { rows } = await client.query<{ role: string; rights: string }>(
    `SELECT role, string_agg(name, ', ') AS rights
     FROM unnest($2::text[]) role CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) name
     WHERE has_table_privilege(role, $1, name) AND has_schema_privilege(role, (SELECT relnamespace FROM pg_class WHERE oid = $1::regclass), 'USAGE')
       AND NOT (SELECT relrowsecurity FROM pg_class WHERE oid = $1::regclass)
     GROUP BY role ORDER BY role`,
    [table, roles],
  )
  return rows
}
