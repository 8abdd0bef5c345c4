import { z } from 'zod'
import { withClient } from '../../src/postgres/connection.ts'
import type { Servers } from '../sync/servers.ts'
import { createUsers, type TokenHolder } from '../sync/users.ts'
import { settle } from './asked.ts'
import type { Account, Contender } from './contender.ts'

const page = z.object({ entities: z.array(z.object({ encrypted_blob: z.string() })), cursor: z.string() })

/** The API with everything on: tokens, row security, versions, checksums, quotas, limits counted, metrics, log. */
export function medtime({ medtime: address, medtimePid, issuer, adminUrl }: Servers): Contender {
  const read = (answer: Uint8Array) => page.parse(JSON.parse(Buffer.from(answer).toString('utf8')))
  return {
    name: 'medtime',
    version: 'of this tree',
    keeps: 'on disk',
    work: {
      knows: 'RS256 token, row security',
      commits: 'one transaction in Postgres',
      compares: 'versions, all or none; checksums, quota and limits as well',
      pulls: 'cursor, in the order of changes',
    },
    address,
    accounts: async (count) => (await createUsers(issuer, count)).map((user) => account(address, user)),
    read: (answer) => read(answer).entities.map((entity) => entity.encrypted_blob),
    processes: async () => [medtimePid, ...(await backends(adminUrl))],
    stop: async () => undefined,
  }

  function account(server: string, { id, token }: TokenHolder): Account {
    const headers = { authorization: `Bearer ${token}` }
    const pull: Account['pull'] = (limit, after) => ({
      method: 'GET',
      path: `/sync/pull?device_id=${id}&limit=${limit}${after === undefined ? '' : `&cursor=${after}`}`,
      headers,
      body: undefined,
    })
    return {
      push: (entities) => ({
        method: 'POST',
        path: '/sync/push',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({
          device_id: id,
          entities: entities.map(({ id, version, blob }) => ({
            id,
            entity_type: 'medication',
            version,
            deleted: false,
            key_id: 'key-1',
            encrypted_blob: blob.base64,
            checksum: blob.sha256,
          })),
        }),
        done: () => undefined,
      }),
      pull,
      now: async () => read(await settle(server, pull(100))).cursor,
    }
  }
}

/** The processes of a Postgres, but for the one that is asked. */
export async function backends(adminUrl: string): Promise<number[]> {
  return withClient(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() ORDER BY pid',
    )
    return rows.map(({ pid }) => pid)
  })
}
