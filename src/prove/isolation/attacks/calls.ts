import { escapeIdentifier, escapeLiteral } from 'pg'
import type { Actor } from '../attempt.ts'
import type { Routine } from '../catalog.ts'
import type { World } from '../world.ts'
import { type Question, wholeTables } from './question.ts'

/**
 * Calls of every function, with what belongs to the other tenant for arguments: with the caller's own name where a tenant is asked for; with
 * the other's, which shows a function that believes whoever calls it; and with text that ends a statement which is put together from it.
 */
export function callsOf(world: World, actor: Actor): Question[] {
  if (actor.speaks === 'blank') return []
  return world.catalog.routines.flatMap((routine) => [
    ...callsOfOne(world, actor, routine, valuesOfOther(world, routine)),
    ...beforePolicies(world, actor, routine),
  ])
}

/** What a column of the other's rows holds; where several tables have one of that name, of those that the function speaks of. */
function valuesOfOther({ other, catalog }: World, { source }: Routine): ReadonlyMap<string, string> {
  const words = new Set(source.match(/\w+/g))
  const rows = catalog.tables.flatMap(({ oid, name }) => {
    const row = other.rows.get(oid)
    return row === undefined ? [] : [{ row, spoken: words.has(name) }]
  })
  const known = new Map<string, string>()
  for (const { row } of rows.toSorted((one, next) => Number(next.spoken) - Number(one.spoken)))
    for (const [column, value] of row.values) if (value !== null && !known.has(column)) known.set(column, value)
  return known
}

function callsOfOne(world: World, actor: Actor, routine: Routine, known: ReadonlyMap<string, string>): Question[] {
  const { other, own } = world
  const { sql, parameters, procedure, variadic, signature } = routine
  const values = parameters.map(({ name, base }) => argumentFor(name, base, known, other.tenant))
  const list = (given: readonly (string | null)[]) =>
    parameters
      .map(({ type }, place) => {
        const value = given[place] ?? null
        const last = variadic && place === parameters.length - 1
        return `${last ? 'VARIADIC ' : ''}${value === null ? 'NULL' : escapeLiteral(value)}::text::${type}`
      })
      .join(', ')
  const call = (way: 'function' | 'identity', statement: string, given: readonly (string | null)[]): Question => ({
    actor,
    on: routine.name,
    way,
    sql: procedure ? `CALL ${sql}(${list(given)})` : `SELECT t::text FROM ${sql}(${list(given)}) t`,
    touches: true,
    statement: `SELECT ${signature} ${statement}`,
    what: 'learns of another from',
    remedy: `A comparison with the tenant inside ${signature}, SECURITY INVOKER, or REVOKE EXECUTE`,
    ...(routine.cursor ? { cursor: true } : {}),
  })
  const asOneself = values.map((value) => value?.replaceAll(other.tenant, own.tenant) ?? null)
  const calls = [call('function', "with ids of another's rows", asOneself)]
  if (values.some((value) => value?.includes(other.tenant)))
    calls.push(call('identity', 'with the name of another', values))
  // A statement of the caller's own rights gives them nothing more than they have.
  const composes = routine.definer && routine.language === 'plpgsql' && /\bexecute\b/i.test(routine.source)
  if (composes && parameters.some(({ base }) => isText(base)))
    calls.push({
      ...call(
        'function',
        'with text that ends the statement put together from it',
        asOneself.map((value, place) => (isText(parameters[place]?.base ?? '') ? "%' OR 'a' LIKE '%a" : value)),
      ),
      remedy: `EXECUTE … USING, or format with %L, for what ${signature} puts together`,
    })
  return calls
}

const isText = (base: string) => /^(text|varchar|bpchar|citext)$/.test(base)

/** A function that is said to tell nothing is asked before row security; asked of every row, what it says or does shows whether that is true. */
function beforePolicies(
  world: World,
  actor: Actor,
  { leakproof, parameters, sql, signature, name }: Routine,
): Question[] {
  if (!leakproof || parameters.length === 0) return []
  return world.tables.flatMap((table): Question[] => {
    const readable = world.rights.get(actor.as)?.read.get(table.oid) ?? []
    const columns = parameters.map(
      ({ base }) => table.columns.find((column) => column.base === base && readable.includes(column.name))?.name,
    )
    if (columns.includes(undefined)) return []
    const list = columns.map((column) => escapeIdentifier(column ?? '')).join(', ')
    const [owner] = world.ownership.get(table.oid)?.columns ?? []
    const others = owner === undefined ? '' : `${escapeIdentifier(owner)} <> ${escapeLiteral(world.own.tenant)} AND `
    const asked = (which: string) => `SELECT count(*) FROM ${table.sql} WHERE ${which}${sql}(${list}) IS NOT NULL`
    return [
      {
        actor,
        on: name,
        way: 'function',
        sql: `${wholeTables}; ${asked(others)}`,
        touches: true,
        statement: asked(''),
        what: `is told of rows of another in ${table.name} by`,
        remedy: `ALTER FUNCTION ${signature} NOT LEAKPROOF`,
      },
    ]
  })
}

const lowest = '00000000-0000-0000-0000-000000000000'

function argumentFor(name: string, base: string, known: ReadonlyMap<string, string>, tenant: string): string | null {
  const bare = name.replace(/^(p|in|arg|_)_/, '')
  if (/^(users?|tenants?|customer|account|owner|org)(_?id)?$/.test(bare))
    return base.startsWith('_') ? `{${tenant}}` : tenant
  const same = known.get(name) ?? known.get(bare) ?? known.get(`${bare}_id`)
  if (same !== undefined) return base.startsWith('_') ? `{${JSON.stringify(same)}}` : same
  // A place to go on from: nothing comes before the lowest.
  if (base === 'uuid') return /^(after|from|since|cursor|start|last)/.test(bare) ? lowest : tenant
  if (/^(timestamp|timestamptz|date)$/.test(base)) return '2100-01-01'
  if (/^int|numeric|float/.test(base)) return '1000'
  if (base.startsWith('_')) return '{}'
  if (base === 'bool') return 'true'
  if (base === 'json' || base === 'jsonb') return '{}'
  return base === 'text' ? 'a' : null
}
