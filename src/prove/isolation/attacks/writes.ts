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

/** A table, or a view that shows it and may be written through. */
interface Target {
  oid: number
  name: string
  sql: string
  isView: boolean
  /** Columns that it has of the table. */
  columns: readonly string[]
  table: Table
}

/** Changes, deletes, empties, inserts for the other tenant, and gives it rows of one's own; in tables and through views. */
export async function attackWrites(world: World): Promise<void> {
  const targets = targetsOf(world)
  for (const actor of world.actors)
    for (const target of targets) {
      const { table } = target
      const other = world.other.rows.get(table.oid)
      if (other === undefined) continue
      const after = trace(
        world,
        world.tables.filter(({ oid }) => oid === (table.partitionOf ?? table.oid)),
      )
      const untouched = await world.client.query<{ seen: string }>(after)
      const closed = new Set<string>()
      const elsewhere = new Map<string, string>()
      for (const write of writesOf(world, actor, target, other)) {
        if (closed.has(write.way)) continue
        world.tried()
        const outcome = await attempt(world.client, actor, {
          sql: write.sql,
          after,
          ...(write.before === undefined ? {} : { before: write.before }),
        })
        if (!succeeded(outcome, write, untouched.rows[0]?.seen ?? '')) {
          // What a trigger or a constraint turned away never came to row security, unless another form of it did.
          if (outcome.refused && outcome.code !== '42501' && !elsewhere.has(write.way))
            elsewhere.set(write.way, outcome.code)
          else if (!outcome.refused || outcome.code === '42501') elsewhere.set(write.way, '')
          continue
        }
        closed.add(write.way)
        const { way, statement, what, remedy } = write
        world.found({ role: actor.as, on: target.name, way, statement, what, remedy })
      }
      for (const [way, code] of elsewhere)
        if (code !== '' && !closed.has(way) && !target.isView && actor.speaks !== 'blank')
          world.undecided(`${actor.as} ${way} ${target.name} (${code})`)
    }
}

function targetsOf({ tables, catalog }: World): Target[] {
  const names = (table: Table) => table.columns.map(({ name }) => name)
  return [
    ...tables.map((table): Target => ({ ...table, isView: false, columns: names(table), table })),
    ...catalog.views
      .filter(({ materialized }) => !materialized)
      .flatMap((view) =>
        tables
          .filter(({ oid }) => view.of.includes(oid))
          .map(
            (table): Target => ({
              ...view,
              isView: true,
              columns: view.columns.filter((name) => names(table).includes(name)),
              table,
            }),
          ),
      ),
  ]
}

/** Whether the statement came to rows of the other: it says that it did something, or their trace is another. */
function succeeded(outcome: Outcome, { passed }: Write, untouched: string): boolean {
  if (outcome.refused) return passed?.test(outcome.code) === true
  return outcome.count > 0 && outcome.after !== undefined && outcome.after !== untouched
}

const literal = (value: string | null | undefined) => (value == null ? 'NULL' : escapeLiteral(value))

function writesOf(world: World, actor: Actor, target: Target, other: MadeRow): Write[] {
  const { oid, sql, table } = target
  const rights = world.rights.get(actor.as)
  const ownership = world.ownership.get(table.oid)
  const named = new Set(target.columns)
  const computed = new Set(table.columns.filter((column) => column.computed).map(({ name }) => name))
  const ours = (columns: readonly string[] | undefined) =>
    (columns ?? []).filter((column) => named.has(column) && !computed.has(column))
  const updatable = ours(rights?.update.get(oid))
  const insertable = ours(rights?.insert.get(oid))
  const removable = rights?.remove.has(oid) === true
  const hidden = (ownership?.columns ?? []).some((column) => !named.has(column))
  const rows = hidden ? 'true' : rowsOf(table, ownership, world.other.tenant, other)
  // Where nothing is granted, one statement shows it; through a view not even that.
  const bare = actor.speaks === 'own' && !target.isView
  return [
    ...(updatable.length > 0 || bare ? changes({ world, target, other, rows, updatable }) : []).slice(
      0,
      updatable.length > 0 && actor.speaks !== 'blank' ? 3 : 1,
    ),
    ...(removable || bare ? removals({ sql, rows }) : []).slice(0, removable ? 2 : 1),
    ...(bare ? emptying(target, actor) : []),
    ...(insertable.length > 0 || bare
      ? insertions({ world, target, other, insertable, updatable }).slice(0, insertable.length > 0 ? 5 : 1)
      : []),
    ...moves({ world, actor, target, updatable }),
  ]
}

interface Changing {
  world: World
  target: Target
  other: MadeRow
  rows: string
  updatable: readonly string[]
}

function changes({ world, target: { sql, table, columns }, other, rows, updatable }: Changing): Write[] {
  const column = changed(world, table, updatable) ?? columns[0]
  if (column === undefined) return []
  const set = `UPDATE ${sql} SET ${escapeIdentifier(column)} = ${literal(other.values.get(column))}`
  const shown = `UPDATE ${sql} SET ${escapeIdentifier(column)} = …`
  const common = {
    way: 'change' as const,
    what: 'changes rows of another in',
    remedy: `A policy on ${sql} FOR UPDATE whose USING compares the tenant, or no grant`,
  }
  return [
    { ...common, sql: `${set} WHERE ${rows}`, statement: `${shown} WHERE the row is another's` },
    { ...common, sql: set, statement: shown },
    { ...common, sql: `${set} WHERE ${rows} RETURNING 1`, statement: `${shown} RETURNING 1` },
  ]
}

/** A column that may be changed without meeting a unique index or the tenant, if there is one. */
function changed(world: World, table: Table, updatable: readonly string[]): string | undefined {
  const unique = new Set(table.uniques.flatMap(({ columns }) => columns))
  const owners = world.ownership.get(table.oid)?.columns ?? []
  return updatable.find((column) => !unique.has(column) && !owners.includes(column)) ?? updatable[0]
}

function removals({ sql, rows }: { sql: string; rows: string }): Write[] {
  const erasing = {
    way: 'delete' as const,
    what: 'deletes rows of another in',
    remedy: `A policy on ${sql} FOR DELETE whose USING compares the tenant, or no grant`,
  }
  return [
    {
      ...erasing,
      sql: `DELETE FROM ${sql} WHERE ${rows}`,
      statement: `DELETE FROM ${sql} WHERE the row is another's`,
      passed: /^23503$/,
    },
    { ...erasing, sql: `DELETE FROM ${sql}`, statement: `DELETE FROM ${sql}` },
  ]
}

/** Alone, and with what refers to it. A table that is referred to cannot go alone, which is said after the grant was looked at. */
function emptying({ sql }: Target, { as }: Actor): Write[] {
  const common = {
    way: 'truncate' as const,
    what: 'empties',
    remedy: `REVOKE TRUNCATE ON ${sql} FROM ${as}: row security does not reach it`,
  }
  return [
    { ...common, sql: `TRUNCATE ${sql}; SELECT 1`, statement: `TRUNCATE ${sql}`, passed: /^0A000$/ },
    { ...common, sql: `TRUNCATE ${sql} CASCADE; SELECT 1`, statement: `TRUNCATE ${sql} CASCADE` },
  ]
}

interface Inserting {
  world: World
  target: Target
  other: MadeRow
  insertable: readonly string[]
  updatable: readonly string[]
}

function insertions({ world, target, other, insertable, updatable }: Inserting): Write[] {
  const { sql, table } = target
  const computed = new Set(table.columns.filter((column) => column.computed).map(({ name }) => name))
  const names = insertable.length > 0 ? insertable : target.columns.filter((name) => !computed.has(name))
  if (names.length === 0) return []
  const values = names.map((name) => literal(other.values.get(name)))
  const lists = `(${names.map(escapeIdentifier).join(', ')}) VALUES (${values.join(', ')})`
  const inserting = {
    way: 'insert' as const,
    before: `DELETE FROM ${table.sql} WHERE ${rowsOf(table, world.ownership.get(table.oid), world.other.tenant, other)}`,
    what: 'inserts for another into',
    remedy: target.isView
      ? `ALTER VIEW ${sql} SET (check_option = cascaded), or security_invoker = true`
      : `A policy on ${sql} FOR INSERT whose WITH CHECK compares the tenant, or no grant`,
  }
  const statement = `INSERT INTO ${sql} (${names.join(', ')}) VALUES what is another's`
  const key = table.uniques.find(({ primary }) => primary)
  const column = changed(world, table, updatable)
  return [
    { ...inserting, sql: `INSERT INTO ${sql} ${lists}`, statement },
    { ...inserting, sql: `INSERT INTO ${sql} ${lists} RETURNING 1`, statement: `${statement} RETURNING 1` },
    {
      ...inserting,
      sql: `INSERT INTO ${sql} ${lists} ON CONFLICT DO NOTHING`,
      statement: `${statement} ON CONFLICT DO NOTHING`,
    },
    ...(key === undefined || column === undefined
      ? []
      : [
          {
            way: 'change' as const,
            sql: `INSERT INTO ${sql} ${lists} ON CONFLICT (${key.columns.map(escapeIdentifier).join(', ')}) DO UPDATE SET ${escapeIdentifier(column)} = excluded.${escapeIdentifier(column)}`,
            statement: `${statement} ON CONFLICT (${key.columns.join(', ')}) DO UPDATE`,
            what: 'changes rows of another in',
            remedy: target.isView
              ? inserting.remedy
              : `Policies on ${sql} FOR INSERT and UPDATE that compare the tenant`,
          },
        ]),
  ]
}

interface Moving {
  world: World
  actor: Actor
  target: Target
  updatable: readonly string[]
}

/** A condition asks for what may be read, and so for the policies of reading as well: without one those of changing stand alone. */
function moves({ world, actor, target: { sql, table, isView }, updatable }: Moving): Write[] {
  const ownership = world.ownership.get(table.oid)
  const mine = world.own.rows.get(table.oid)
  const theirs = world.other.rows.get(table.oid)
  if (mine === undefined) return []
  const own = rowsOf(table, ownership, world.own.tenant, mine)
  return (ownership?.columns ?? [])
    .filter((owner) => updatable.includes(owner))
    .flatMap((owner) =>
      [` WHERE ${own}`, ''].map((where) => ({
        way: 'move' as const,
        before: `DELETE FROM ${table.sql} WHERE ${rowsOf(table, ownership, world.other.tenant, theirs)}`,
        sql: `UPDATE ${sql} SET ${escapeIdentifier(owner)} = ${literal(world.other.tenant)}${where}`,
        statement: `UPDATE ${sql} SET ${owner} = another's`,
        what: 'hands rows over to another in',
        remedy: isView
          ? `ALTER VIEW ${sql} SET (check_option = cascaded), or security_invoker = true`
          : `REVOKE UPDATE (${owner}) ON ${sql} FROM ${actor.as}, or a WITH CHECK that compares the tenant`,
        passed: /^23/,
      })),
    )
}
