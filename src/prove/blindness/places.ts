import { createReadStream } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { to as copyTo } from 'pg-copy-streams'
import type { Clock } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Environment } from '../../run/environment.ts'
import { isNamedLikeWal, withoutPageHeaders } from './wal-pages.ts'

/** Telemetry is what leaves for whoever watches; what is kept lies in the database and what is made of it. */
export type PlaceKind = 'telemetry' | 'kept'

/** Somewhere a planted value could have come to lie. */
export interface Place {
  kind: PlaceKind
  /** What a report calls it. */
  name: string
  bytes(): AsyncIterable<Buffer>
}

const timeLimitMs = 10_000
const pieceBytes = 32 * 1024 * 1024
/** Pieces of a large file share so many bytes, so that nothing is cut in two. */
const overlapBytes = 4_096

/** What every service answers about its metrics. @throws Error when one does not answer */
export async function metricsOf(plan: Plan, environment: Environment): Promise<{ service: string; text: string }[]> {
  const measured: { service: string; text: string }[] = []
  for (const [service, address] of Object.entries(environment.addresses())) {
    const path = plan.services[service]?.metrics
    if (path === undefined) continue
    const response = await fetch(new URL(path, address), { signal: AbortSignal.timeout(timeLimitMs) })
    if (!response.ok) throw new Error(`${service} answers ${path} with ${response.status}`)
    measured.push({ service, text: await response.text() })
  }
  return measured
}

export function textPlace(kind: PlaceKind, name: string, text: string): Place {
  return {
    kind,
    name,
    bytes: async function* () {
      yield Buffer.from(text)
    },
  }
}

/** Every file below a folder: data, WAL, stores, spools, server logs. One place, whose hits name the file. */
export async function filePlaces(directory: string, called: string): Promise<Place[]> {
  const places: Place[] = []
  for await (const found of glob('**/*', { cwd: directory })) {
    const file = join(directory, found)
    const about = await stat(file).catch(() => undefined)
    if (!about?.isFile() || about.size === 0) continue
    const bytes = isNamedLikeWal(found) ? () => walSegment(file) : () => pieces(file)
    places.push({ kind: 'kept', name: `${called}: ${found}`, bytes })
  }
  return places
}

async function* walSegment(file: string): AsyncIterable<Buffer> {
  // With no bound on a piece there is one, the whole.
  for await (const whole of pieces(file, Number.POSITIVE_INFINITY)) yield withoutPageHeaders(whole)
}

/** @param atOnce bytes of a piece */
async function* pieces(file: string, atOnce = pieceBytes): AsyncIterable<Buffer> {
  let tail: Buffer = Buffer.alloc(0)
  let held: Buffer[] = []
  let size = 0
  // A file that went away meanwhile, as temporary ones do, holds nothing.
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      if (!Buffer.isBuffer(chunk)) continue
      held.push(chunk)
      size += chunk.length
      if (size < atOnce) continue
      const piece = Buffer.concat([tail, ...held])
      yield piece
      tail = piece.subarray(-overlapBytes)
      held = []
      size = 0
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  if (size > 0) yield Buffer.concat([tail, ...held])
}

/** Every row of every table as text, values unfolded that the files hold compressed. */
export async function tablePlaces(url: string): Promise<Place[]> {
  const tables = await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%'
       ORDER BY 1`)
    return rows.map(({ name }) => name)
  })
  return tables.map((table) => ({ kind: 'kept', name: `table ${table}`, bytes: () => copied(url, `TABLE ${table}`) }))
}

async function* copied(url: string, query: string): AsyncIterable<Buffer> {
  const chunks: Buffer[] = []
  await withClient(url, async (client) => {
    const stream = client.query(copyTo(`COPY (${query}) TO STDOUT`))
    for await (const chunk of stream) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  })
  yield Buffer.concat(chunks)
}

const lookEveryMs = 20

/**
 * What whoever watches the activity of the server sees while something else goes on, each text once: statements with their comments, and names of
 * applications.
 */
export async function activityDuring(url: string, clock: Clock, work: () => Promise<unknown>): Promise<string[]> {
  const seen = new Set<string>()
  const over = new AbortController()
  const watching = withClient(url, async (client) => {
    while (!over.signal.aborted) {
      const { rows } = await client.query<{ query: string; application_name: string }>(
        'SELECT query, application_name FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid()',
      )
      for (const { query, application_name } of rows) seen.add(query).add(application_name)
      await clock.sleep(lookEveryMs)
    }
  })
  await Promise.all([watching, work().finally(() => over.abort())])
  return [...seen]
}
