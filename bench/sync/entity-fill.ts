import { randomUUID } from 'node:crypto'
import { withClient } from '../../src/postgres/connection.ts'

/** Ids of the entities of each user that is filled. */
export type Filled = Map<string, string[]>

/**
 * Gives each user as many entities of 1 KB, straight in the database: by way of the API a million would take longer than what is measured.
 * Users that have some are passed over.
 */
export async function fillEntities(adminUrl: string, users: readonly string[], each: number): Promise<Filled> {
  const filled: Filled = new Map()
  const lot = 200
  await withClient(adminUrl, async (admin) => {
    for (let from = 0; from < users.length; from += lot) {
      const some = users.slice(from, from + lot)
      await admin.query(
        'INSERT INTO srv_users (user_id, sequence) SELECT unnest($1::uuid[]), $2 ON CONFLICT DO NOTHING',
        [some, each],
      )
      const { rows } = await admin.query<{ user_id: string; ids: string[] }>(
        `WITH made AS (
           INSERT INTO srv_encrypted_entities (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
           SELECT gen_random_uuid(), u, 'medication', decode(repeat(md5(u::text || n), 64), 'hex'), 'fill', 'key-1', 1024, repeat('0', 64), n, 1
           FROM unnest($1::uuid[]) AS u, generate_series(1, $2) AS n
           RETURNING user_id, id
         )
         SELECT user_id, array_agg(id::text) AS ids FROM made GROUP BY user_id`,
        [some, each],
      )
      for (const { user_id, ids } of rows) filled.set(user_id, ids)
    }
    await admin.query('VACUUM ANALYZE srv_users, srv_encrypted_entities')
    await admin.query('CHECKPOINT')
  })
  return filled
}

/** Users nobody signs in as; they only take up room. */
export function strangers(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID())
}
