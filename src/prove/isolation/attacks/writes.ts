import { escapeIdentifier, escapeLiteral } from 'pg'
import { type Actor, attempt, type Outcome } from '../attempt.ts'
import type { Table } from '../catalog.ts'
import type { Hole } from '../hole.ts'
import type { MadeRow } from '../make-rows.ts'
import { rowsOf, trace, type World } from '../world.ts'

interface Write {
  way: Hole['way']
  sql: string
  statement: string
  what: string
  remedy: string
  before?: string
  /** Refusals that come after row security had let the statement pass. */
  passed?: RegExp
}

/** Changes, deletes, empties, inserts for the other tenant, and gives it rows of one's own. */
export async function attackWrites(world: World): Promise<void> {
  for (const actor of world.actors)
    for (const table of world.tables) {
      const other = world.other.rows.get(table.oid)
      if (other === undefined) continue
      const after = trace(
        world,
        world.tables.filter(({ oid }) => oid === (table.partitionOf ?? table.oid)),
      )
      const closed = new Set<string>()
      const elsewhere = new Map<string, string>()
      for (const write of writesOf(world, actor, table, other)) {
        if (closed.has(write.way)) continue
        const { rows } = await world.client.query<{ seen: string }>(after)
        world.tried()
        const outcome = await attempt(world.client, actor, {
          sql: write.sql,
          after,
          ...(write.before === undefined ? {} : { before: write.before }),
        })
        if (!succeeded(outcome, write, rows[0]?.seen ?? '')) {
          // What a trigger or a constraint turned away never came to row security, unless another form of it did.
          if (outcome.refused && outcome.code !== '42501' && !elsewhere.has(write.way))
            elsewhere.set(write.way, outcome.code)
          else if (!outcome.refused || outcome.code === '42501') elsewhere.set(write.way, '')
          continue
        }
        closed.add(write.way)
        const { way, statement, what, remedy } = write
        world.found({ role: actor.as, on: table.name, way, statement, what, remedy })
      }
      for (const [way, code] of elsewhere)
        if (code !== '' && !closed.has(way)) world.undecided(`${actor.as} ${way} ${table.name} (${code})`)
    }
}

function succeeded(outcome: Outcome, { passed }: Write, before: string): boolean {
  if (outcome.refused) return passed?.test(outcome.code) === true
  return outcome.count > 0 && outcome.after !== before
}

const literal = (value: string | null | undefined) => (value == null ? 'NULL' : escapeLiteral(value))

function writesOf(world: World, actor: Actor, table: Table, other: MadeRow): Write[] {
  const rights = world.rights.get(actor.as)
  const ownership = world.ownership.get(table.oid)
  const target = rowsOf(table, ownership, world.other.tenant, other)
  const unique = new Set(table.uniques.flatMap(({ columns }) => columns))
  const computed = new Set(table.columns.filter((column) => column.computed).map(({ name }) => name))
  const updatable = (rights?.update.get(table.oid) ?? []).filter((column) => !computed.has(column))
  const plain = updatable.filter((column) => !unique.has(column) && !ownership?.columns.includes(column))
  const column = plain[0] ?? updatable[0] ?? table.columns.find(({ computed: given }) => !given)?.name
  const writes: Write[] = []
  if (column !== undefined) {
    const set = `UPDATE ${table.sql} SET ${escapeIdentifier(column)} = ${literal(other.values.get(column))}`
    const shown = `UPDATE ${table.sql} SET ${escapeIdentifier(column)} = …`
    const common = {
      way: 'change' as const,
      what: 'changes rows of another in',
      remedy: `A policy on ${table.sql} FOR UPDATE whose USING compares the tenant, or no grant`,
    }
    writes.push({ ...common, sql: `${set} WHERE ${target}`, statement: `${shown} WHERE the row is another's` })
    writes.push({ ...common, sql: set, statement: shown })
    writes.push({ ...common, sql: `${set} WHERE ${target} RETURNING 1`, statement: `${shown} RETURNING 1` })
  }
  const erasing = {
    way: 'delete' as const,
    what: 'deletes rows of another in',
    remedy: `A policy on ${table.sql} FOR DELETE whose USING compares the tenant, or no grant`,
  }
  writes.push({
    ...erasing,
    sql: `DELETE FROM ${table.sql} WHERE ${target}`,
    statement: `DELETE FROM ${table.sql} WHERE the row is another's`,
    passed: /^23503$/,
  })
  writes.push({ ...erasing, sql: `DELETE FROM ${table.sql}`, statement: `DELETE FROM ${table.sql}` })
  writes.push({
    way: 'truncate',
    sql: `TRUNCATE ${table.sql} CASCADE; SELECT 1`,
    statement: `TRUNCATE ${table.sql} CASCADE`,
    what: 'empties',
    remedy: `REVOKE TRUNCATE ON ${table.sql} FROM ${actor.as}: row security does not reach it`,
  })

  const insertable = (rights?.insert.get(table.oid) ?? []).filter((name) => !computed.has(name))
  const names = insertable.length > 0 ? insertable : [...other.values.keys()].filter((name) => !computed.has(name))
  const lists = `(${names.map(escapeIdentifier).join(', ')}) VALUES (${names.map((name) => literal(other.values.get(name))).join(', ')})`
  const room = `DELETE FROM ${table.sql} WHERE ${target}`
  const inserting = {
    way: 'insert' as const,
    what: 'inserts for another into',
    remedy: `A policy on ${table.sql} FOR INSERT whose WITH CHECK compares the tenant, or no grant`,
  }
  const statement = `INSERT INTO ${table.sql} (${names.join(', ')}) VALUES what is another's`
  if (names.length > 0) {
    writes.push({ ...inserting, before: room, sql: `INSERT INTO ${table.sql} ${lists}`, statement })
    writes.push({
      ...inserting,
      before: room,
      sql: `INSERT INTO ${table.sql} ${lists} RETURNING 1`,
      statement: `${statement} RETURNING 1`,
    })
    writes.push({
      ...inserting,
      before: room,
      sql: `COPY (SELECT 1) TO STDOUT; INSERT INTO ${table.sql} ${lists} ON CONFLICT DO NOTHING`,
      statement: `${statement} ON CONFLICT DO NOTHING`,
    })
    const key = table.uniques.find(({ primary }) => primary)
    if (key !== undefined && column !== undefined)
      writes.push({
        way: 'change',
        sql: `INSERT INTO ${table.sql} ${lists} ON CONFLICT (${key.columns.map(escapeIdentifier).join(', ')}) DO UPDATE SET ${escapeIdentifier(column)} = excluded.${escapeIdentifier(column)}`,
        statement: `${statement} ON CONFLICT (${key.columns.join(', ')}) DO UPDATE`,
        what: 'changes rows of another in',
        remedy: `Policies on ${table.sql} FOR INSERT and UPDATE that compare the tenant`,
      })
  }
  const mine = world.own.rows.get(table.oid)
  for (const owner of ownership?.columns ?? []) {
    if (mine === undefined || !updatable.includes(owner)) continue
    const own = rowsOf(table, ownership, world.own.tenant, mine)
    for (const where of [` WHERE ${own}`, ''])
      writes.push({
        way: 'move',
        before: room,
        sql: `UPDATE ${table.sql} SET ${escapeIdentifier(owner)} = ${literal(world.other.tenant)}${where}`,
        statement: `UPDATE ${table.sql} SET ${owner} = another's`,
        what: 'hands rows over to another in',
        remedy: `REVOKE UPDATE (${owner}) ON ${table.sql} FROM ${actor.as}, or a WITH CHECK that compares the tenant`,
        passed: /^23/,
      })
  }
  return writes
}
