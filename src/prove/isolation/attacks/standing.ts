import { escapeLiteral } from 'pg'
import { attempt } from '../attempt.ts'
import type { World } from '../world.ts'

/** What stands open before anybody tries: tables without row security, and roles that it does not bind. */
export function lookAtStanding(world: World, owner: string): void {
  const roles = new Set(world.actors.flatMap(({ role, as }) => [role, as]))
  for (const { name, superuser, bypasses } of world.catalog.roles) {
    if (!roles.has(name) || !(superuser || bypasses)) continue
    world.found({
      role: name,
      way: 'bypass',
      on: name,
      statement: `SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = ${escapeLiteral(name)}`,
      what: 'passes row security as',
      remedy: `ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS`,
    })
  }
  const serving = roles.has(owner)
  for (const table of world.tables) {
    const off = !table.rowSecurity
    if (!off && (table.forced || !serving)) continue
    world.found({
      role: table.owner,
      way: 'unguarded',
      on: table.name,
      statement: `SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = '${table.sql}'::regclass`,
      what: off ? 'has no row security on' : 'serves clients and is not bound by the row security of',
      remedy: `ALTER TABLE ${table.sql} ${off ? 'ENABLE' : 'FORCE'} ROW LEVEL SECURITY`,
    })
  }
}

/** Sequences count what all tenants write; what reads one reads how much others do. */
export async function attackSequences(world: World): Promise<void> {
  const owned = new Set(world.tables.map(({ oid }) => oid))
  for (const { sql, name, table } of world.catalog.sequences) {
    if (table !== null && !owned.has(table)) continue
    const ways = [
      [`SELECT last_value FROM ${sql}`, 'counts what others write by', 'SELECT'],
      [`SELECT nextval(${escapeLiteral(sql)})`, 'counts what others write by', 'USAGE'],
      [`SELECT setval(${escapeLiteral(sql)}, 1)`, 'sets back the numbers of all by', 'UPDATE'],
    ] as const
    for (const actor of world.actors)
      for (const [statement, what, right] of ways) {
        world.tried()
        const outcome = await attempt(world.client, actor, { sql: statement })
        if (outcome.refused) continue
        world.found({
          role: actor.as,
          way: 'sequence',
          on: name,
          statement,
          what,
          remedy: `REVOKE ${right} ON SEQUENCE ${sql} FROM ${actor.as}; an identity column, or a uuid, needs no grant`,
        })
      }
  }
}

/** Functions that act as their owner and look names up where the caller says. */
export async function lookAtSearchPaths(world: World): Promise<void> {
  for (const actor of world.actors) {
    const { rows } = await world.client.query<{ oid: number }>(
      `SELECT p.oid::int4 AS oid FROM pg_proc p WHERE p.prosecdef AND has_function_privilege($1, p.oid, 'EXECUTE')
        AND (has_database_privilege($1, current_database(), 'TEMPORARY')
          OR EXISTS (SELECT FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND has_schema_privilege($1, n.oid, 'CREATE')))`,
      [actor.as],
    )
    const callable = new Set(rows.map(({ oid }) => oid))
    for (const { oid, name, definer, floats, signature, owner } of world.catalog.routines) {
      if (!callable.has(oid) || !definer || !floats || owner === actor.as) continue
      world.found({
        role: actor.as,
        way: 'search-path',
        on: name,
        statement: `SET search_path = a schema of one's own; SELECT ${signature}`,
        what: `decides by its search_path what ${owner} runs in`,
        remedy: `ALTER FUNCTION ${signature} SET search_path = ''`,
      })
    }
  }
}
