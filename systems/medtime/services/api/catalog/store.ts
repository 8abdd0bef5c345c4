import { z } from 'zod'
import { medicineSchema } from '../../../client/catalog/medicine.ts'
import { pack } from '../../../client/catalog/packed.ts'
import type { Query } from '../../../client/catalog/query.ts'
import { arrange, candidateLimit } from '../../../client/catalog/rank.ts'
import type { Database } from '../database.ts'
import type { DownloadAnswer, MedicineAnswer } from './wire.ts'

export interface FoundMedicines {
  version: number
  found: ReturnType<typeof arrange>
}

/** The catalog as the API reads it. Every answer is of one version, whatever is published meanwhile. */
export interface CatalogStore {
  version(): Promise<number>
  search(query: Query, limit: number): Promise<FoundMedicines>
  /** Undefined when the present catalog has no such medicine. */
  medicine(id: string): Promise<MedicineAnswer | undefined>
  /** What differs from `since`, or everything when that version is unknown or no longer kept. */
  changes(since: number | undefined): Promise<DownloadAnswer>
}

const body = z.string().transform((text) => medicineSchema.parse(JSON.parse(text)))
const headRow = z.tuple([z.object({ version: z.int().nullable(), digest: z.string().nullable(), known: z.boolean() })])
/** The driver reads the shortest decimals of a `real`; what is compared with the device's figures must be the same number. */
const real = z.number().transform(Math.fround)
const hitRows = z.array(
  z.object({
    version: z.int().nullable(),
    id: z.string().nullable(),
    term: z.string().nullable(),
    shown: z.string().nullable(),
    rank: z.int().nullable(),
    level: z.int().nullable(),
    likeness: real.nullable(),
    body: z.string().nullable(),
  }),
)
const oneRow = z.array(z.object({ version: z.int(), body }))
const changedRows = z.array(z.object({ id: z.string(), body: body.nullable() }))
const listRows = z.array(z.object({ list: z.string(), code: z.string(), name: z.string() }))

const noDigest = '0'.repeat(64)

export function createCatalogStore(database: Database): CatalogStore {
  return {
    version: async () => {
      const rows = await database.run<{ version: number | null }>(
        'catalog-version',
        'SELECT max(version) AS version FROM public.srv_catalog_versions',
        [],
      )
      return rows[0]?.version ?? 0
    },
    search: async (query, limit) => {
      const words = query.words.map((word) => `'${word}':*`).join(' & ')
      const told = query.strengths.length > 0 || query.form !== undefined
      const rows = await database.run('catalog-search', 'SELECT * FROM public.srv_catalog_search($1, $2, $3, $4)', [
        query.text,
        query.words.join(' '),
        words,
        told ? candidateLimit : limit,
      ])
      const hits = hitRows.parse(rows)
      const candidates = hits.flatMap(({ id, term, shown, rank, level, likeness, body: text }) =>
        id === null ||
        term === null ||
        shown === null ||
        rank === null ||
        level === null ||
        likeness === null ||
        text === null
          ? []
          : [{ hit: { id, term, shown, rank, level, likeness }, medicine: body.parse(text) }],
      )
      return { version: hits[0]?.version ?? 0, found: arrange(query, candidates, limit) }
    },
    medicine: async (id) => {
      const rows = await database.run(
        'catalog-medicine',
        `SELECT (SELECT max(version) FROM public.srv_catalog_versions) AS version, body::text AS body
         FROM public.srv_catalog_medicines WHERE id = $1 AND until IS NULL`,
        [id],
      )
      const [row] = oneRow.parse(rows)
      return row === undefined ? undefined : { version: row.version, medicine: row.body }
    },
    changes: (since) =>
      database.transaction(null, async (run) => {
        // Asked first: what is published after it belongs to a later version, which this answer does not tell of.
        const [head] = headRow.parse(
          await run(
            'catalog-head',
            `SELECT v.version, v.digest, EXISTS (SELECT FROM public.srv_catalog_versions AS o WHERE o.version = $1) AS known
             FROM (VALUES (true)) AS one LEFT JOIN LATERAL
               (SELECT version, digest FROM public.srv_catalog_versions ORDER BY version DESC LIMIT 1) AS v ON true`,
            [since ?? null],
          ),
        )
        const from = head.known && since !== undefined ? since : null
        const changed = changedRows.parse(
          await run(
            from === null ? 'catalog-all' : 'catalog-changes',
            from === null
              ? `SELECT id, body::text AS body FROM public.srv_catalog_medicines
                 WHERE since <= $1 AND (until IS NULL OR until > $1) ORDER BY id`
              : `SELECT c.id, m.body::text AS body
                 FROM (
                   SELECT id FROM public.srv_catalog_medicines WHERE since > $2 AND since <= $1
                   UNION SELECT id FROM public.srv_catalog_medicines WHERE until > $2 AND until <= $1
                 ) AS c
                 LEFT JOIN public.srv_catalog_medicines AS m
                   ON m.id = c.id AND m.since <= $1 AND (m.until IS NULL OR m.until > $1)
                 ORDER BY c.id`,
            from === null ? [head.version ?? 0] : [head.version ?? 0, from],
          ),
        )
        const lists = listRows.parse(
          await run('catalog-lists', 'SELECT list, code, name FROM public.srv_catalog_lists ORDER BY list, code', []),
        )
        return {
          version: head.version ?? 0,
          since: from,
          digest: head.digest ?? noDigest,
          medicines: changed.flatMap(({ body: medicine }) => (medicine === null ? [] : [pack(medicine)])),
          removed: changed.flatMap(({ id, body: medicine }) => (medicine === null ? [id] : [])),
          lists,
        }
      }),
  }
}
