import { escapeIdentifier, escapeLiteral } from 'pg'
import type { Actor } from '../attempt.ts'
import type { Table } from '../catalog.ts'
import { rowsOf, type World } from '../world.ts'
import type { Question } from './question.ts'

/**
 * Writes what is one's own, as one may. What triggers, defaults and rules fill in may tell of another's rows; and what they, and keys that
 * cascade, do besides may change them.
 */
export function ownWrites(world: World, actor: Actor): Question[] {
  return world.tables.flatMap((table) => {
    if (actor.speaks === 'blank') return []
    if (!world.ownership.has(table.oid)) return actor.speaks === 'own' ? removalsOfShared(world, actor, table) : []
    return actor.speaks === 'own' && table.partitionOf === null ? writesOfOwn(world, actor, table) : []
  })
}

function writesOfOwn(world: World, actor: Actor, table: Table): Question[] {
  const rights = world.rights.get(actor.as)
  const mine = world.own.rows.get(table.oid)
  const readable = rights?.read.get(table.oid) ?? []
  if (mine === undefined) return []
  const own = rowsOf(table, world.ownership.get(table.oid), world.own.tenant, mine)
  const insertable = (rights?.insert.get(table.oid) ?? []).filter((name) => isGiven(table, name))
  // What differs from one time to the next, such as a random key, is not asked for.
  const stable = (written: readonly string[]) =>
    table.columns.filter(({ name, hasDefault }) => readable.includes(name) && (!hasDefault || written.includes(name)))
  const returning = (written: readonly string[]) => {
    const columns = stable(written).map(({ name }) => `${escapeIdentifier(name)}::text`)
    return columns.length === 0 ? '' : ` RETURNING ${columns.join(', ')}`
  }
  const writing = (sql: string, statement: string): Question => ({
    actor,
    on: table.name,
    way: 'read',
    sql,
    touches: true,
    statement,
    what: 'is told of rows of another by what it writes into',
    remedy: `A comparison with the tenant in what the triggers and defaults of ${table.sql} ask`,
  })
  const questions: Question[] = []
  if (insertable.length > 0) {
    const values = insertable.map((name) => literal(mine.values.get(name)))
    questions.push({
      ...writing(
        `INSERT INTO ${table.sql} (${insertable.map(escapeIdentifier).join(', ')}) VALUES (${values.join(', ')})${returning(insertable)}`,
        `INSERT INTO ${table.sql} (${insertable.join(', ')}) VALUES what is one's own RETURNING what was filled in`,
      ),
      before: `DELETE FROM ${table.sql} WHERE ${own}`,
    })
  }
  const [column] = (rights?.update.get(table.oid) ?? []).filter((name) => isGiven(table, name))
  if (column !== undefined) {
    const set = `UPDATE ${table.sql} SET ${escapeIdentifier(column)} = ${literal(mine.values.get(column))} WHERE ${own}`
    questions.push(
      writing(`${set}${returning([column])}`, `UPDATE ${table.sql} SET ${column} = … WHERE the row is one's own`),
    )
  }
  if (rights?.remove.has(table.oid) === true)
    questions.push(
      writing(`DELETE FROM ${table.sql} WHERE ${own}`, `DELETE FROM ${table.sql} WHERE the row is one's own`),
    )
  return questions
}

/** A list that all share, and whose rows take those of tenants with them when they go. */
function removalsOfShared(world: World, actor: Actor, table: Table): Question[] {
  if (world.rights.get(actor.as)?.remove.has(table.oid) !== true) return []
  const followers = world.tables.filter(({ foreignKeys }) =>
    foreignKeys.some(({ parent, follows }) => parent === table.oid && follows),
  )
  if (followers.length === 0) return []
  const sql = `DELETE FROM ${table.sql}`
  return [
    {
      actor,
      on: table.name,
      way: 'delete',
      sql,
      touches: true,
      statement: sql,
      what: 'deletes rows of another by what cascades from',
      remedy: `ON DELETE RESTRICT in ${followers.map(({ name }) => name).join(', ')}, or REVOKE DELETE ON ${table.sql} FROM ${actor.as}`,
    },
  ]
}

function isGiven(table: Table, name: string): boolean {
  return table.columns.find((column) => column.name === name)?.computed === false
}

const literal = (value: string | null | undefined) => (value == null ? 'NULL' : escapeLiteral(value))
