import { escapeIdentifier, escapeLiteral } from 'pg'
import { type Actor, attempt } from '../attempt.ts'
import type { Table } from '../catalog.ts'
import type { Value } from '../values.ts'
import { rowsOf, type World } from '../world.ts'

/**
 * Writes rows of one's own that name what belongs to another. A foreign key that lets them in, and a unique index that keeps them out, tell
 * that it exists.
 */
export async function attackByConstraints(world: World): Promise<void> {
  for (const actor of world.actors)
    for (const table of world.tables) {
      if (world.rights.get(actor.as)?.insert.has(table.oid) !== true) continue
      await probeReferences(world, actor, table)
      await probeUniques(world, actor, table)
    }
}

async function probeReferences(world: World, actor: Actor, table: Table): Promise<void> {
  const owners = world.ownership.get(table.oid)?.columns ?? []
  for (const key of table.foreignKeys) {
    // One that holds the tenant as well cannot point at another's row.
    if (!world.ownership.has(key.parent) || key.columns.some((column) => owners.includes(column))) continue
    const theirs = world.other.rows.get(key.parent)
    if (theirs === undefined || key.parent === table.oid) continue
    const values = key.parentColumns.map((column) => theirs.values.get(column) ?? null)
    const outcome = await insertOwn(
      world,
      actor,
      table,
      new Map(key.columns.map((column, place) => [column, values[place] ?? null])),
    )
    if (outcome !== 'kept') continue
    world.found({
      role: actor.as,
      way: 'reference',
      on: table.name,
      statement: `INSERT INTO ${table.sql} with ${key.columns.join(', ')} of another's row (${key.name})`,
      what: 'refers to rows of another, and so learns which exist, from',
      remedy: `A foreign key that holds the tenant as well: (${[...owners, ...key.columns].join(', ')})`,
    })
  }
}

async function probeUniques(world: World, actor: Actor, table: Table): Promise<void> {
  const owners = world.ownership.get(table.oid)?.columns ?? []
  const theirs = world.other.rows.get(table.oid)
  if (theirs === undefined) return
  for (const { name, columns } of table.uniques) {
    if (columns.length === 0 || columns.some((column) => owners.includes(column))) continue
    const kinds = columns.map((column) => table.columns.find((each) => each.name === column))
    // Nobody guesses an id of 122 random bits; one that names another table is a foreign key, and tried as such.
    if (kinds.every((column) => column?.base === 'uuid')) continue
    const wanted = new Map(columns.map((column) => [column, theirs.values.get(column) ?? null]))
    if ([...wanted.values()].includes(null)) continue
    if ((await insertOwn(world, actor, table, wanted)) !== name) continue
    world.found({
      role: actor.as,
      way: 'unique',
      on: table.name,
      statement: `INSERT INTO ${table.sql} with ${columns.join(', ')} of another's row (${name})`,
      what: 'learns which values another has from',
      remedy: `A unique index over the tenant as well: (${[...owners, ...columns].join(', ')}); or accept it in the plan with a reason`,
    })
  }
}

/** Inserts the actor's own row anew with some values of another. @returns `kept`, the constraint that kept it out, or `refused` */
async function insertOwn(
  world: World,
  actor: Actor,
  table: Table,
  wanted: ReadonlyMap<string, Value>,
): Promise<string> {
  const mine = world.own.rows.get(table.oid)
  if (mine === undefined) return 'refused'
  const allowed = world.rights.get(actor.as)?.insert.get(table.oid) ?? []
  if (![...wanted.keys()].every((column) => allowed.includes(column))) return 'refused'
  const names = table.columns.filter(({ name, computed }) => !computed && allowed.includes(name))
  const values = names.map(({ name }) => wanted.get(name) ?? mine.values.get(name) ?? null)
  world.tried()
  const outcome = await attempt(world.client, actor, {
    before: `DELETE FROM ${table.sql} WHERE ${rowsOf(table, world.ownership.get(table.oid), world.own.tenant, mine)}`,
    sql: `INSERT INTO ${table.sql} (${names.map(({ name }) => escapeIdentifier(name)).join(', ')})
      VALUES (${values.map((value) => (value === null ? 'NULL' : escapeLiteral(value))).join(', ')})`,
  })
  if (!outcome.refused) return outcome.count > 0 ? 'kept' : 'refused'
  return outcome.code === '23505' ? (/constraint "([^"]+)"/.exec(outcome.answer)?.[1] ?? 'refused') : 'refused'
}
