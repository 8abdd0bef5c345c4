import type { Routine } from '../catalog.ts'
import type { Rights, World } from '../world.ts'

/** Functions that act as their owner, or that a policy asks, and look names up where the caller says. */
export async function lookAtSearchPaths(world: World): Promise<void> {
  const callable = new Map<string, ReadonlySet<number>>()
  for (const { as } of world.actors) if (!callable.has(as)) callable.set(as, await callableBy(world, as))
  for (const [as, functions] of callable) {
    const rights = world.rights.get(as)
    if (rights == null || rights.makesIn === null) continue
    for (const routine of world.catalog.routines) {
      const { oid, name, definer, floats, signature, owner } = routine
      if (!functions.has(oid) || !floats || owner === as) continue
      const guarded = world.catalog.policies.find(({ calls }) => calls.includes(oid))
      const table = world.tables.find((each) => each.oid === guarded?.table)
      const shadowed = table !== undefined && canShadow(world, rights, routine)
      if (!definer && !shadowed) continue
      world.found({
        role: as,
        way: 'search-path',
        on: name,
        statement: definer
          ? `SET search_path = a schema of one's own; SELECT ${signature}`
          : `CREATE a table or function of one's own that ${signature} finds first; SELECT FROM ${table?.sql}`,
        what: definer
          ? `decides by its search_path what ${owner} runs in`
          : `decides by its search_path what the policies of ${table?.name} ask in`,
        remedy: `ALTER FUNCTION ${signature} SET search_path = ''`,
      })
    }
  }
}

/** A temporary schema comes first for tables, and never for functions; one that lasts may come first for both. */
function canShadow({ catalog }: World, { lasting }: Rights, { source }: Routine): boolean {
  if (lasting) return true
  const words = new Set(source.match(/(?<![.\w])\w+(?![\w(])/g))
  return catalog.tables.some(({ name }) => words.has(name))
}

async function callableBy({ client }: World, role: string): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ oid: string }>(
    `SELECT oid::int8 AS oid FROM pg_proc WHERE pronamespace <> 'pg_catalog'::regnamespace AND has_function_privilege($1, oid, 'EXECUTE')`,
    [role],
  )
  return new Set(rows.map(({ oid }) => Number(oid)))
}
