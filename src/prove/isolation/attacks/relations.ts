import { escapeIdentifier } from 'pg'
import { type Actor, saying } from '../attempt.ts'
import type { Column } from '../catalog.ts'
import type { World } from '../world.ts'
import { type Question, wholeTables } from './question.ts'

const notInt = /^(?:(?!int|float|numeric|oid|money).)*$/

interface Relation {
  oid: number
  name: string
  sql: string
  isView: boolean
  columns: readonly string[]
  kinds: readonly Column[]
}

/** Every way of asking for rows of a table or view: as they are, counted, copied, by cursor, prepared, kept aside, and by what an error says. */
export function questionsOf(world: World, actor: Actor): Question[] {
  const relations = [
    ...world.tables.map(
      (table): Relation => ({
        ...table,
        isView: false,
        columns: table.columns.map(({ name }) => name),
        kinds: table.columns,
      }),
    ),
    ...world.catalog.views.map((view): Relation => ({ ...view, isView: true, kinds: [] })),
  ]
  return relations.flatMap((relation) => questionsAbout(world, actor, relation))
}

function questionsAbout(world: World, actor: Actor, relation: Relation): Question[] {
  const rights = world.rights.get(actor.as)
  const columns = rights?.read.get(relation.oid) ?? []
  const ask = (sql: string, what = 'reads rows of another in', statement = sql): Question => ({
    actor,
    on: relation.name,
    way: 'read',
    sql,
    touches: false,
    statement,
    what,
    remedy: relation.isView
      ? `ALTER VIEW ${relation.sql} SET (security_invoker = true), or no grant on it`
      : `A policy on ${relation.sql} FOR SELECT whose USING compares the tenant, or no grant`,
  })
  const count = `SELECT count(*) FROM ${relation.sql}`
  if (columns.length === 0) return actor.speaks === 'own' ? [ask(count, 'counts rows of another in')] : []
  const rows = `SELECT ${columns.map((column) => `${escapeIdentifier(column)}::text`).join(', ')} FROM ${relation.sql}`
  // What a blank name opens, it opens to any form of the question.
  if (actor.speaks === 'blank') return [ask(rows)]
  const cast = columns.find((column) => notInt.test(relation.kinds.find(({ name }) => name === column)?.base ?? ''))
  return [
    ask(rows),
    ask(count, 'counts rows of another in'),
    ask(`COPY (${rows}) TO STDOUT`),
    ask(`DECLARE aval CURSOR FOR ${rows}; FETCH ALL FROM aval`),
    // What is prepared outlives a statement that fails.
    ask(`DEALLOCATE ALL; PREPARE aval AS ${rows}; EXECUTE aval`),
    ask(`CREATE TEMPORARY TABLE aval AS ${rows}`),
    ...(cast === undefined
      ? []
      : [
          ask(
            `SELECT 1 FROM ${relation.sql} WHERE ${escapeIdentifier(cast)}::text::integer = -1`,
            'is told of rows of another by an error from',
          ),
        ]),
    ...(relation.isView ? spied(world, actor, relation, columns, ask) : kept(world, actor, rows, ask)),
  ]
}

type Ask = (sql: string, what: string, statement: string) => Question

/**
 * A function of one's own that costs next to nothing is asked before the view's own condition, and sees every row of its tables, unless
 * the view is a barrier.
 */
function spied(world: World, actor: Actor, { sql }: Relation, columns: readonly string[], ask: Ask): Question[] {
  const place = world.rights.get(actor.as)?.makesIn
  if (place == null) return []
  const spy = `CREATE FUNCTION ${place}.aval_spy(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001
    AS $aval$ BEGIN PERFORM set_config('aval.seen', concat(current_setting('aval.seen', true), ' ', $1), true); RETURN true; END $aval$`
  const conditions = columns.map((column) => `${place}.aval_spy(${escapeIdentifier(column)})`).join(' AND ')
  return [
    {
      ...ask(
        `${wholeTables}; ${spy}; SELECT count(*) FROM ${sql} WHERE ${conditions}; SELECT current_setting('aval.seen', true)`,
        'shows rows of another to a function of its own in the condition on',
        `SELECT count(*) FROM ${sql} WHERE ${place}.spy(${columns[0]}), a function of one's own with COST 0.0001`,
      ),
      remedy: `ALTER VIEW ${sql} SET (security_barrier = true), or security_invoker = true`,
    },
  ]
}

/** A plan that was made while another was spoken for, and is used again: it holds what functions said that claim never to change. */
function kept(world: World, actor: Actor, rows: string, ask: Ask): Question[] {
  const frozen = world.catalog.routines.filter(({ immutable }) => immutable)
  const settings = world.speaking(world.other.tenant, actor.as)
  if (frozen.length === 0 || actor.speaks !== 'own' || settings.length === 0) return []
  return [
    {
      ...ask(
        `DEALLOCATE ALL; ${saying(settings)}PREPARE aval AS ${rows}; EXPLAIN (COSTS OFF) EXECUTE aval; ${saying(actor.settings)}EXECUTE aval`,
        'reads rows of another by a plan that was kept from',
        `PREPARE q AS ${rows}; EXECUTE q as another; EXECUTE q as oneself`,
      ),
      remedy: `ALTER FUNCTION ${frozen.map(({ signature }) => signature).join(', ')} STABLE: what reads a setting changes with it`,
    },
  ]
}
