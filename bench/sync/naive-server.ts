import Fastify from 'fastify'
import { Pool } from 'pg'
import { z } from 'zod'

/*
 * What sync costs at the least: Fastify, pg, one INSERT over UNNEST, one SELECT. No tokens, no row security, no checks, no
 * versions, no metrics, no log.
 */

interface Entity {
  id: string
  entity_type: string
  version: number
  deleted: boolean
  key_id: string
  encrypted_blob: string
  checksum: string
}

interface Row extends Omit<Entity, 'encrypted_blob'> {
  sequence: string
  encrypted_blob: Buffer
  client_id: string
  updated_at: Date
}

const insert = `
  INSERT INTO naive_entities
    (id, user_id, entity_type, version, deleted, key_id, encrypted_blob, checksum, client_id)
  SELECT i.id, $1, i.entity_type, i.version, i.deleted, i.key_id, i.encrypted_blob, i.checksum, $2
  FROM unnest($3::uuid[], $4::text[], $5::int[], $6::boolean[], $7::text[], $8::bytea[], $9::text[])
    AS i (id, entity_type, version, deleted, key_id, encrypted_blob, checksum)
  ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, deleted = excluded.deleted, key_id = excluded.key_id,
    encrypted_blob = excluded.encrypted_blob, checksum = excluded.checksum, client_id = excluded.client_id,
    updated_at = now(), sequence = excluded.sequence`

const select = `
  SELECT id, entity_type, version, deleted, key_id, encrypted_blob, checksum, client_id, updated_at, sequence
  FROM naive_entities WHERE user_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`

const { PORT, DATABASE_URL } = z.object({ PORT: z.coerce.number(), DATABASE_URL: z.string() }).parse(process.env)
const pool = new Pool({ connectionString: DATABASE_URL, max: 15 })
const server = Fastify({ logger: false, bodyLimit: 8 * 1_048_576 })

server.post<{ Body: { device_id: string; entities: Entity[] }; Headers: { 'x-user': string } }>(
  '/sync/push',
  async ({ body: { device_id, entities }, headers }) => {
    await pool.query({
      name: 'insert',
      text: insert,
      values: [
        headers['x-user'],
        device_id,
        entities.map((entity) => entity.id),
        entities.map((entity) => entity.entity_type),
        entities.map((entity) => entity.version),
        entities.map((entity) => entity.deleted),
        entities.map((entity) => entity.key_id),
        entities.map((entity) => Buffer.from(entity.encrypted_blob, 'base64')),
        entities.map((entity) => entity.checksum),
      ],
    })
    return { synced: entities.length }
  },
)

server.get<{ Querystring: { cursor?: string; limit?: string }; Headers: { 'x-user': string } }>(
  '/sync/pull',
  async ({ query, headers }) => {
    const { rows } = await pool.query<Row>({
      name: 'select',
      text: select,
      values: [headers['x-user'], query.cursor ?? 0, query.limit ?? 50],
    })
    return {
      entities: rows.map(({ sequence: _, ...row }) => ({
        ...row,
        encrypted_blob: row.encrypted_blob.toString('base64'),
      })),
      cursor: rows.at(-1)?.sequence,
    }
  },
)

server.get('/health/ready', async () => ({ status: 'ok' }))
process.on('SIGTERM', () => void server.close().then(() => pool.end()))
await server.listen({ host: '127.0.0.1', port: PORT })
