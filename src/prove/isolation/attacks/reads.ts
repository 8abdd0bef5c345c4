import { escapeIdentifier } from 'pg'
import { type Actor, attempt, type Outcome, replica } from '../attempt.ts'
import { removal, trace, type World } from '../world.ts'

interface Question {
  actor: Actor
  on: string
  way: 'read' | 'function' | 'identity'
  sql: string
  values?: readonly (string | null)[]
  statement: string
  what: string
  remedy: string
}

const notInt = /^(?:(?!int|float|numeric|oid|money).)*$/

/** Every way of asking for rows of a table or view: as they are, counted, copied, by cursor, prepared, kept aside, and by what an error says. */
function questionsOf(world: World, actor: Actor): Question[] {
  const rights = world.rights.get(actor.as)
  const relations = [
    ...world.tables.map((table) => ({
      ...table,
      isView: false,
      columns: table.columns.map(({ name }) => name),
      kinds: table.columns,
    })),
    ...world.catalog.views.map((view) => ({ ...view, isView: true, kinds: undefined })),
  ]
  return relations.flatMap((relation): Question[] => {
    const columns = rights?.read.get(relation.oid) ?? []
    const list = columns.map((column) => `${escapeIdentifier(column)}::text`).join(', ')
    const ask = (sql: string, what = 'reads rows of another in'): Question => ({
      actor,
      on: relation.name,
      way: 'read',
      sql,
      statement: sql,
      what,
      remedy: relation.isView
        ? `ALTER VIEW ${relation.sql} SET (security_invoker = true), or no grant on it`
        : `A policy on ${relation.sql} FOR SELECT whose USING compares the tenant, or no grant`,
    })
    const count = `SELECT count(*) FROM ${relation.sql}`
    if (columns.length === 0) return [ask(count, 'counts rows of another in')]
    const rows = `SELECT ${list} FROM ${relation.sql}`
    const cast = columns.find(
      (column) => notInt.test(relation.kinds?.find(({ name }) => name === column)?.base ?? '') && column !== 'tableoid',
    )
    return [
      ask(rows),
      ask(count, 'counts rows of another in'),
      ask(`COPY (${rows}) TO STDOUT`),
      ask(`DECLARE aval CURSOR FOR ${rows}; FETCH ALL FROM aval`),
      ask(`PREPARE aval AS ${rows}; EXECUTE aval; DEALLOCATE aval`),
      ask(`CREATE TEMPORARY TABLE aval AS ${rows}`),
      ...(cast === undefined
        ? []
        : [
            ask(
              `SELECT 1 FROM ${relation.sql} WHERE ${escapeIdentifier(cast)}::text::integer = -1`,
              'is told of rows of another by an error from',
            ),
          ]),
    ]
  })
}

/**
 * Calls of every function, with what belongs to the other tenant for arguments: once with the other tenant's own name where one is asked for, which
 * shows a function that believes whoever calls it, and once with the name of the caller's.
 */
function callsOf(world: World, actor: Actor): Question[] {
  const known = new Map<string, string>()
  for (const row of world.other.rows.values())
    for (const [column, value] of row.values) if (value !== null && !known.has(column)) known.set(column, value)
  return world.catalog.routines.flatMap((routine): Question[] => {
    const { other, own } = world
    const values = routine.parameters.map(({ name, base }) => argumentFor(name, base, known, other.tenant))
    const places = routine.parameters.map(({ type }, place) => `$${place + 1}::text::${type}`).join(', ')
    const common = {
      actor,
      on: routine.name,
      sql: routine.procedure ? `CALL ${routine.sql}(${places})` : `SELECT t::text FROM ${routine.sql}(${places}) t`,
      what: 'learns of another from',
      remedy: `A comparison with the tenant inside ${routine.signature}, SECURITY INVOKER, or REVOKE EXECUTE`,
    }
    const speaking = values.includes(other.tenant)
    return [
      {
        ...common,
        way: 'function',
        values: values.map((value) => (value === other.tenant ? own.tenant : value)),
        statement: `SELECT ${routine.signature} with ids of another's rows`,
      },
      ...(speaking
        ? [
            {
              ...common,
              way: 'identity' as const,
              values,
              statement: `SELECT ${routine.signature} with the name of another`,
            },
          ]
        : []),
    ]
  })
}

const lowest = '00000000-0000-0000-0000-000000000000'

function argumentFor(name: string, base: string, known: ReadonlyMap<string, string>, tenant: string): string | null {
  const bare = name.replace(/^(p|in|arg|_)_/, '')
  if (/^(users?|tenants?|customer|account|owner|org)(_?id)?$/.test(bare))
    return base.startsWith('_') ? `{${tenant}}` : tenant
  const same = known.get(name) ?? known.get(bare) ?? known.get(`${bare}_id`)
  if (same !== undefined) return same
  // A place to go on from: nothing comes before the lowest.
  if (base === 'uuid') return /^(after|from|since|cursor|start|last)/.test(bare) ? lowest : tenant
  if (/^(timestamp|timestamptz|date)$/.test(base)) return '2100-01-01'
  if (/^int|numeric|float/.test(base)) return '1000'
  if (base.startsWith('_')) return '{}'
  if (base === 'bool') return 'true'
  if (base === 'json' || base === 'jsonb') return '{}'
  return base === 'text' ? 'a' : null
}

/**
 * Asks everything twice: with the other tenant's rows there and without them. Whatever answers differently tells something of them, be it a
 * row, a number or the words of an error. What answers differently by itself is asked once more and left out.
 */
export async function attackReads(world: World): Promise<void> {
  const { client } = world
  const questions = world.actors.flatMap((actor) => [...questionsOf(world, actor), ...callsOf(world, actor)])
  const traced = trace(world, world.tables)
  const ask = async (question: Question): Promise<Outcome> => {
    world.tried()
    return attempt(client, question.actor, {
      sql: question.sql,
      ...(question.values === undefined ? {} : { values: question.values }),
      ...(question.way === 'read' ? {} : { after: traced }),
    })
  }
  await refresh(world)
  const untouched = await client.query<{ seen: string }>(traced)
  const before: Outcome[] = []
  for (const question of questions) {
    const outcome = await ask(question)
    before.push(outcome)
    if (question.way === 'read' || outcome.refused || outcome.after === untouched.rows[0]?.seen) continue
    world.found({ ...holeOf(question), what: 'changes rows of another by' })
  }
  await client.query(`SAVEPOINT without; ${replica(removal(world.catalog, world.other.rows))}`)
  await refresh(world)
  const differing: number[] = []
  for (const [place, question] of questions.entries()) {
    const outcome = await ask(question)
    if (outcome.answer !== before[place]?.answer) differing.push(place)
  }
  await client.query('ROLLBACK TO without; RELEASE without')
  for (const place of differing) {
    const question = questions[place]
    if (question === undefined) continue
    if ((await ask(question)).answer === before[place]?.answer) world.found(holeOf(question))
  }
}

function holeOf({ actor, on, way, statement, what, remedy }: Question) {
  return { role: actor.as, on, way, statement, what, remedy }
}

/** Brings kept views to what their tables hold now; one whose query fails keeps what it has. */
async function refresh({ client, catalog }: World): Promise<void> {
  for (const { sql, materialized } of catalog.views) {
    if (!materialized) continue
    await client.query('SAVEPOINT refreshed')
    await client.query(`REFRESH MATERIALIZED VIEW ${sql}`).catch(() => client.query('ROLLBACK TO refreshed'))
    await client.query('RELEASE refreshed')
  }
}
