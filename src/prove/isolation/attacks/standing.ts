import { escapeLiteral } from 'pg'
import { attempt } from '../attempt.ts'
import type { World } from '../world.ts'

/** What stands open before anybody tries: tables without row security, and roles that it does not bind. */
export function lookAtStanding(world: Pick<World, 'catalog' | 'owner' | 'actors' | 'tables' | 'found'>): void {
  const { owner } = world
  const roles = new Set(world.actors.flatMap(({ role, as }) => [role, as]))
  for (const { name, superuser, bypasses, replicates, reaches } of world.catalog.roles) {
    if (!roles.has(name)) continue
    const bypass = { role: name, way: 'bypass' as const, on: name }
    if (superuser || bypasses)
      world.found({
        ...bypass,
        statement: `SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = ${escapeLiteral(name)}`,
        what: 'passes row security as',
        remedy: `ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS`,
      })
    if (replicates)
      world.found({
        ...bypass,
        statement: `SELECT rolreplication FROM pg_roles WHERE rolname = ${escapeLiteral(name)}`,
        what: 'may stream every change of the whole server as',
        remedy: `ALTER ROLE ${name} NOREPLICATION`,
      })
    for (const reached of reaches)
      world.found({
        ...bypass,
        on: reached,
        statement: `SELECT pg_has_role(${escapeLiteral(name)}, ${escapeLiteral(reached)}, 'MEMBER')`,
        what: "gets at the server's own files, past row security, by",
        remedy: `REVOKE ${reached} FROM ${name}`,
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
