import type { Client } from 'pg'
import { z } from 'zod'
import { digestOf } from '../../client/catalog/digest.ts'
import { type Medicine, medicineSchema } from '../../client/catalog/medicine.ts'
import { namesOf } from '../../client/catalog/rank.ts'
import { type Facts, factsSchema } from './facts.ts'
import type { Records } from './merge.ts'
import { type MedicineSource, medicineSources, type Source } from './source.ts'
import type { ListEntry } from './sources/cofepris-lists.ts'

/*
 * The tables of the catalog as the importer writes them. Everything here runs inside the one transaction of an import.
 */

/** Versions whose changes are kept, so that a device which was away for about a year still gets a delta. */
const versionsKept = 120
const batch = 500

export interface Difference {
  added: number
  changed: number
  removed: number
}

/** Makes other imports wait until this transaction ends. Readers never wait. */
export async function takeTurn(client: Client): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtext('medtime catalog import'))")
}

export async function digestOfSource(client: Client, source: Source): Promise<string | undefined> {
  const { rows } = await client.query<{ digest: string }>(
    'SELECT digest FROM public.srv_catalog_sources WHERE source = $1',
    [source],
  )
  return rows[0]?.digest
}

/** When each source was looked at last. */
export async function checkedAt(client: Client): Promise<Map<string, Date>> {
  const { rows } = await client.query<{ source: string; checked_at: Date }>(
    'SELECT source, checked_at FROM public.srv_catalog_sources',
  )
  return new Map(rows.map((row) => [row.source, row.checked_at]))
}

export async function noteSource(
  client: Client,
  source: Source,
  { digest, at, summary }: { digest: string; at: Date; summary: unknown },
): Promise<void> {
  await client.query(
    `INSERT INTO public.srv_catalog_sources (source, digest, imported_at, checked_at, summary) VALUES ($1, $2, $3, $3, $4)
     ON CONFLICT (source) DO UPDATE
       SET digest = excluded.digest, imported_at = excluded.imported_at, checked_at = excluded.checked_at, summary = excluded.summary`,
    [source, digest, at, JSON.stringify(summary)],
  )
}

export async function noteUnchanged(client: Client, source: Source, at: Date): Promise<void> {
  await client.query('UPDATE public.srv_catalog_sources SET checked_at = $2 WHERE source = $1', [source, at])
}

const recordRow = z.object({ source: z.enum(medicineSources), key: z.string(), facts: factsSchema })

export async function readRecords(client: Client): Promise<Map<MedicineSource, Map<string, Facts>>> {
  const { rows } = await client.query('SELECT source, key, facts FROM public.srv_catalog_records ORDER BY source, key')
  const records = new Map<MedicineSource, Map<string, Facts>>()
  for (const row of z.array(recordRow).parse(rows)) {
    const ofSource = records.get(row.source) ?? new Map<string, Facts>()
    records.set(row.source, ofSource.set(row.key, row.facts))
  }
  return records
}

/** Writes what a source tells in the place of what it told before. */
export async function writeRecords(
  client: Client,
  source: MedicineSource,
  before: ReadonlyMap<string, Facts>,
  now: ReadonlyMap<string, Facts>,
): Promise<Difference> {
  const known = new Map([...before].map(([key, facts]) => [key, JSON.stringify(facts)]))
  const changed = [...now].map(([key, facts]) => ({ key, facts: JSON.stringify(facts) }))
  const different = changed.filter(({ key, facts }) => known.get(key) !== facts)
  const gone = [...before.keys()].filter((key) => !now.has(key))
  for (const part of inBatches(different)) {
    await client.query(
      `INSERT INTO public.srv_catalog_records (source, key, facts)
         SELECT $1, r.key, r.facts::json FROM unnest($2::text[], $3::text[]) AS r (key, facts)
       ON CONFLICT (source, key) DO UPDATE SET facts = excluded.facts`,
      [source, part.map(({ key }) => key), part.map(({ facts }) => facts)],
    )
  }
  await client.query('DELETE FROM public.srv_catalog_records WHERE source = $1 AND key = ANY ($2)', [source, gone])
  const added = different.filter(({ key }) => !known.has(key)).length
  return { added, changed: different.length - added, removed: gone.length }
}

export async function replaceLists(client: Client, entries: readonly ListEntry[]): Promise<Difference> {
  const { rows } = await client.query<ListEntry>('SELECT list, code, name FROM public.srv_catalog_lists')
  const placeOf = ({ list, code }: ListEntry) => `${list} ${code}`
  const known = new Map(rows.map((entry) => [placeOf(entry), entry.name]))
  const now = new Map(entries.map((entry) => [placeOf(entry), entry]))
  await client.query('DELETE FROM public.srv_catalog_lists')
  for (const { list, code, name } of now.values()) {
    await client.query('INSERT INTO public.srv_catalog_lists (list, code, name) VALUES ($1, $2, $3)', [
      list,
      code,
      name,
    ])
  }
  return {
    added: [...now.keys()].filter((place) => !known.has(place)).length,
    changed: [...now].filter(([place, { name }]) => known.has(place) && known.get(place) !== name).length,
    removed: [...known.keys()].filter((place) => !now.has(place)).length,
  }
}

export async function presentVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM public.srv_catalog_versions',
  )
  return rows[0]?.version ?? 0
}

/**
 * Makes these medicines the catalog: a new version when they differ from the present one.
 * @returns the version after it, and whether it is new
 */
export async function publish(
  client: Client,
  medicines: readonly Medicine[],
  { at, anyway }: { at: Date; anyway: boolean },
): Promise<{ version: number; published: boolean }> {
  const present = await presentVersion(client)
  const { rows } = await client.query<{ id: string; body: string }>(
    'SELECT id, body::text AS body FROM public.srv_catalog_medicines WHERE until IS NULL',
  )
  const before = new Map(rows.map(({ id, body }) => [id, body]))
  const now = new Map(medicines.map((medicine) => [medicine.id, medicine]))
  const different = medicines.filter((medicine) => before.get(medicine.id) !== JSON.stringify(medicine))
  const gone = [...before.keys()].filter((id) => !now.has(id))
  if (different.length === 0 && gone.length === 0 && !anyway) return { version: present, published: false }
  const version = present + 1
  const ended = [...gone, ...different.map(({ id }) => id)]
  await client.query('DELETE FROM public.srv_catalog_names WHERE id = ANY ($1)', [ended])
  await client.query('UPDATE public.srv_catalog_medicines SET until = $1 WHERE until IS NULL AND id = ANY ($2)', [
    version,
    ended,
  ])
  for (const part of inBatches(different)) {
    await client.query(
      `INSERT INTO public.srv_catalog_medicines (id, since, body)
         SELECT m.id, $1, m.body::json FROM unnest($2::text[], $3::text[]) AS m (id, body)`,
      [version, part.map(({ id }) => id), part.map((medicine) => JSON.stringify(medicine))],
    )
    const names = part.flatMap(namesOf)
    await client.query(
      `INSERT INTO public.srv_catalog_names (id, term, shown, rank)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[])`,
      [
        names.map(({ id }) => id),
        names.map(({ term }) => term),
        names.map(({ shown }) => shown),
        names.map(({ rank }) => rank),
      ],
    )
  }
  await client.query(
    'INSERT INTO public.srv_catalog_versions (version, published_at, medicines, digest) VALUES ($1, $2, $3, $4)',
    [version, at, medicines.length, digestOf(medicines)],
  )
  await client.query('DELETE FROM public.srv_catalog_medicines WHERE until <= $1', [version - versionsKept])
  await client.query('DELETE FROM public.srv_catalog_versions WHERE version < $1', [version - versionsKept])
  return { version, published: true }
}

/** Every medicine there is now, as the present version has it. */
export async function presentMedicines(client: Client): Promise<Medicine[]> {
  const { rows } = await client.query('SELECT body FROM public.srv_catalog_medicines WHERE until IS NULL ORDER BY id')
  return z
    .array(z.object({ body: medicineSchema }))
    .parse(rows)
    .map(({ body }) => body)
}

/** Whether anything was ever imported as this source. */
export function recordsOf(records: Records, source: MedicineSource): ReadonlyMap<string, Facts> {
  return records.get(source) ?? new Map()
}

function* inBatches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += batch) yield items.slice(start, start + batch)
}
