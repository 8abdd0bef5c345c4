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
      const rights = world.rights.get(actor.as)
      if (actor.speaks === 'blank' || !(rights?.insert.has(table.oid) || rights?.update.has(table.oid))) continue
      await probeReferences(world, actor, table)
      await probeUniques(world, actor, table)
    }
}

/** What came of a row: let in, kept out by a constraint, or refused by something else; and by which statement. */
interface Probe {
  came: 'kept' | 'refused' | { constraint: string }
  statement: string
}

async function probeReferences(world: World, actor: Actor, table: Table): Promise<void> {
  const owners = world.ownership.get(table.oid)?.columns ?? []
  for (const key of table.foreignKeys) {
    // One that holds the tenant as well cannot point at another's row.
    if (!world.ownership.has(key.parent) || key.columns.some((column) => owners.includes(column))) continue
    const theirs = world.other.rows.get(key.parent)
    if (theirs === undefined) continue
    const wanted = new Map(
      key.columns.map((column, place) => [column, theirs.values.get(key.parentColumns[place] ?? '') ?? null]),
    )
    if ([...wanted.values()].includes(null)) continue
    for (const write of [insertOwn, updateOwn]) {
      const { came, statement } = await write(world, actor, table, wanted)
      if (came !== 'kept') continue
      world.found({
        role: actor.as,
        way: 'reference',
        on: table.name,
        through: key.name,
        statement: `${statement} of another's row (${key.name})`,
        what: 'refers to rows of another, and so learns which exist, from',
        remedy: `A foreign key that holds the tenant as well: (${[...owners, ...key.columns].join(', ')})`,
      })
      break
    }
  }
}

async function probeUniques(world: World, actor: Actor, table: Table): Promise<void> {
  const owners = world.ownership.get(table.oid)?.columns ?? []
  const theirs = world.other.rows.get(table.oid)
  if (theirs === undefined) return
  const kinds = new Map(table.columns.map(({ name, base }) => [name, base]))
  for (const { name, columns } of [...table.uniques, ...table.exclusions]) {
    if (columns.length === 0 || columns.some((column) => owners.includes(column))) continue
    // Nobody guesses an id of 122 random bits; one that names another table is a foreign key, and tried as such.
    if (columns.every((column) => kinds.get(column) === 'uuid')) continue
    const wanted = new Map(columns.map((column) => [column, theirs.values.get(column) ?? null]))
    if ([...wanted.values()].includes(null)) continue
    for (const write of [insertOwn, updateOwn]) {
      const { came, statement } = await write(world, actor, table, wanted)
      if (typeof came === 'string' || came.constraint !== name) continue
      world.found({
        role: actor.as,
        way: 'unique',
        on: table.name,
        through: name,
        statement: `${statement} of another's row (${name})`,
        what: 'learns which values another has from',
        remedy: `A unique index over the tenant as well: (${[...owners, ...columns].join(', ')}); or accept it in the plan with a reason`,
      })
      break
    }
  }
}

type Write = (world: World, actor: Actor, table: Table, wanted: ReadonlyMap<string, Value>) => Promise<Probe>

/** Inserts the actor's own row anew with some values of another. */
const insertOwn: Write = async (world, actor, table, wanted) => {
  const mine = world.own.rows.get(table.oid)
  const statement = `INSERT INTO ${table.sql} with ${[...wanted.keys()].join(', ')}`
  const allowed = world.rights.get(actor.as)?.insert.get(table.oid) ?? []
  if (mine === undefined || ![...wanted.keys()].every((column) => allowed.includes(column)))
    return { came: 'refused', statement }
  const names = table.columns.filter(({ name, computed }) => !computed && allowed.includes(name))
  const values = names.map(({ name }) => literal(wanted.has(name) ? wanted.get(name) : mine.values.get(name)))
  return said(world, actor, statement, {
    before: `DELETE FROM ${table.sql} WHERE ${rowsOf(table, world.ownership.get(table.oid), world.own.tenant, mine)}`,
    sql: `INSERT INTO ${table.sql} (${names.map(({ name }) => escapeIdentifier(name)).join(', ')}) VALUES (${values.join(', ')})`,
  })
}

/** Gives the actor's own row some values of another. */
const updateOwn: Write = async (world, actor, table, wanted) => {
  const mine = world.own.rows.get(table.oid)
  const statement = `UPDATE ${table.sql} SET ${[...wanted.keys()].join(', ')} to those`
  const allowed = world.rights.get(actor.as)?.update.get(table.oid) ?? []
  if (mine === undefined || ![...wanted.keys()].every((column) => allowed.includes(column)))
    return { came: 'refused', statement }
  const set = [...wanted].map(([column, value]) => `${escapeIdentifier(column)} = ${literal(value)}`).join(', ')
  const own = rowsOf(table, world.ownership.get(table.oid), world.own.tenant, mine)
  return said(world, actor, statement, { sql: `UPDATE ${table.sql} SET ${set} WHERE ${own}` })
}

async function said(
  world: World,
  actor: Actor,
  statement: string,
  tried: { sql: string; before?: string },
): Promise<Probe> {
  world.tried()
  const outcome = await attempt(world.client, actor, tried)
  if (!outcome.refused) return { came: outcome.count > 0 ? 'kept' : 'refused', statement }
  const { code, constraint } = outcome
  const keptOut = (code === '23505' || code === '23P01') && constraint !== undefined
  return { came: keptOut ? { constraint } : 'refused', statement }
}

const literal = (value: Value | undefined) => (value == null ? 'NULL' : escapeLiteral(value))
