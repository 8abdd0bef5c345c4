import { setTimeout as passed } from 'node:timers/promises'
import { z } from 'zod'
import { withClient } from '../postgres/connection.ts'
import type { Ack, Exercise, ExerciseFactory, SmokeResult } from './exercise.ts'
import { smokeOf } from './smoke-of.ts'

/** By this name a plan asks for it in place of a module of its own. */
export const rowsExerciseName = 'aval:rows'

const table = `CREATE SCHEMA IF NOT EXISTS aval;
  CREATE TABLE IF NOT EXISTS aval.exercise (id text PRIMARY KEY, actor text NOT NULL, written text NOT NULL)`

/** A handful of clients would be a flood without it. */
const pauseMs = 20

const tokenSchema = z.object({ id: z.string(), written: z.string() })

/**
 * Clients for any schema: each writes rows by SQL, as the owner of the schema, into a table of Aval's own beside those of the system. What they were
 * acknowledged tells what a restore of this database brings back; what the system's own clients are promised it does not tell.
 * @param owner role that owns the schema
 */
export function rowsExercise(owner: string): ExerciseFactory {
  return ({ databaseUrl, now }) => {
    const url = () => {
      if (databaseUrl === undefined) throw new Error('nobody said how the database is reached')
      return databaseUrl(owner)
    }
    let count = 0
    let tables: number | undefined
    const write = (id: string, actor: string, written: string) =>
      withClient(url(), (client) => client.query('INSERT INTO aval.exercise VALUES ($1, $2, $3)', [id, actor, written]))
    const exercise: Exercise = {
      actors: async (seed, wanted) => {
        await withClient(url(), (client) => client.query(table))
        tables ??= await tableCount(url())
        return Array.from({ length: wanted }, (_, index) => ({ id: `client-${seed}-${index}` }))
      },
      step: async ({ id: actor }, random): Promise<Ack> => {
        await passed(pauseMs)
        const id = `${actor}-${count++}`
        const written = String(random.int(1_000_000_000))
        const sentAt = now()
        await write(id, actor, written)
        return { id, actor, operation: 'insert', kind: 'write', sentAt, acknowledgedAt: now(), token: { id, written } }
      },
      perform: async (operation) => {
        throw new Error(`nothing is known of the operation ${operation}`)
      },
      readBack: async ({ token }) => {
        const { id, written } = tokenSchema.parse(token)
        const found = await withClient(url(), (client) =>
          client.query<{ written: string }>('SELECT written FROM aval.exercise WHERE id = $1', [id]),
        )
        const [row] = found.rows
        return row === undefined ? 'lost' : row.written === written ? 'kept' : 'altered'
      },
      credentials: async (alias) => {
        throw new Error(`no service is asked as ${alias}`)
      },
      paths: () => [],
      behaviours: () => [],
      mutations: () => [
        {
          id: 'row-forgotten',
          breaks: 'recovery/database/loss',
          description: 'Every new row takes away the one before it',
          sql: [
            table,
            `CREATE FUNCTION aval.forget() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               DELETE FROM aval.exercise WHERE actor = new.actor AND id <> new.id;
               RETURN NULL;
             END $$`,
            'CREATE TRIGGER forget AFTER INSERT ON aval.exercise FOR EACH ROW EXECUTE FUNCTION aval.forget()',
          ],
        },
      ],
      smoke: () => smoke(url(), tables),
    }
    return exercise
  }
}

/** Whether the database takes writes, and holds as many tables as it did. */
function smoke(url: string, expected: number | undefined): Promise<SmokeResult> {
  const takesWrites = () =>
    withClient(url, async (client) => {
      await client.query(`BEGIN; ${table}; INSERT INTO aval.exercise VALUES ('smoke', 'smoke', ''); ROLLBACK`)
    })
  const everyTable = async () => {
    if ((await tableCount(url)) !== expected) throw new Error('a table is missing')
  }
  return smokeOf(
    { 'takes writes': takesWrites, ...(expected === undefined ? {} : { 'every table is there': everyTable }) },
    // Words of the server may hold values of rows.
    () => undefined,
  )
}

function tableCount(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema$'",
    )
    return rows[0]?.count ?? 0
  })
}
