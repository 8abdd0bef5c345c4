import { Client, type ClientBase } from 'pg'
import { ImportError } from '../catalog-import/import-error.ts'
import { importSource } from '../catalog-import/import-source.ts'
import type { Source } from '../catalog-import/source.ts'
import { starterPath } from '../catalog-import/sources/starter.ts'
import { type Brought, bringFiles } from './bring-files.ts'
import type { Bounds } from './config.ts'
import { isDue, type Look, noteLook, readDuties } from './duties.ts'
import { LookError } from './look-error.ts'
import type { OutsideSource, Place } from './place.ts'

export interface LookParts {
  databaseUrl: string
  places: ReadonlyMap<OutsideSource, Place>
  bounds: Bounds
  now: () => number
  signal: AbortSignal
  /** Given every connection before it is used, to measure what it runs. */
  observe?: (client: ClientBase) => void
}

/**
 * Looks at a source when it is due: brings its files and takes them in. A lock that lasts as long as its transaction keeps every other
 * instance from it, and goes with the connection when this one dies; then nothing is changed or noted, and it is due as before.
 * @returns undefined when there is nothing to do: not due, or another instance is at it
 * @throws when the database fails, or `signal` is aborted; then nothing is noted
 */
export async function takeLook(source: Source, parts: LookParts): Promise<Look | undefined> {
  const { now, signal } = parts
  return connected(parts, 'medtime-catalog-turn', async (turn) => {
    await turn.query('BEGIN')
    const { rows } = await turn.query<{ held: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('medtime catalog look ' || $1, 0)) AS held`,
      [source],
    )
    if (rows[0]?.held !== true) return undefined
    const started = now()
    // Read under the lock: another instance may have looked a moment ago.
    const duty = (await readDuties(turn)).find((each) => each.source === source)
    if (duty === undefined || !isDue(duty, new Date(started))) return undefined
    const result = await carryOut(source, parts)
    signal.throwIfAborted()
    const look: Look = { at: new Date(started), durationMs: now() - started, ...result }
    await noteLook(turn, duty, look)
    await turn.query('COMMIT')
    return look
  })
}

type Result =
  | { outcome: 'failed'; code: LookError['code'] }
  | Pick<Extract<Look, { summary: unknown }>, 'outcome' | 'summary'>

async function carryOut(source: Source, parts: LookParts): Promise<Result> {
  const { places, bounds, now, signal } = parts
  let brought: Brought | undefined
  try {
    brought = await filesOf(source, places, bounds, signal)
    const { paths } = brought
    const summary = await connected(parts, 'medtime-catalog-import', (client) =>
      importSource(client, { source, paths, now: new Date(now()), signal }),
    )
    return { outcome: summary.outcome, summary }
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof LookError) return { outcome: 'failed', code: thrown.code }
    return { outcome: 'failed', code: thrown instanceof ImportError ? 'SOURCE_REFUSED' : 'IMPORT_FAILED' }
  } finally {
    await brought?.clear()
  }
}

async function filesOf(
  source: Source,
  places: LookParts['places'],
  bounds: Bounds,
  signal: AbortSignal,
): Promise<Brought> {
  if (source === 'starter') return { paths: [starterPath], clear: async () => undefined }
  const place = places.get(source)
  // Of another instance that is configured otherwise.
  if (place === undefined) throw new LookError('SOURCE_MISSING')
  return bringFiles(source, place, bounds, signal)
}

async function connected<T>(
  { databaseUrl, observe }: LookParts,
  name: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: name, keepAlive: true })
  // Without a listener a connection that breaks while a file is read would end the process.
  client.on('error', () => undefined)
  observe?.(client)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
