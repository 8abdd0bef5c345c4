import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { launch } from '../sync/launch.ts'
import { json, settle } from './asked.ts'
import type { Account, Contender } from './contender.ts'
import { type Peers, programs } from './install.ts'

const changes = z.object({
  results: z.array(z.object({ doc: z.object({ blob: z.string().optional() }) })),
  last_seq: z.number(),
})
const written = z.array(z.object({ id: z.string(), rev: z.string() }))

/**
 * pouchdb-server with a database a user. Its LevelDB leaves what it wrote to the operating system, and has no setting for it; with `synced` it
 * gets LevelDB's own durable write by way of its `--level-backend`.
 */
export async function pouchdb(peers: Peers, directory: string, { synced }: { synced: boolean }): Promise<Contender> {
  const name = synced ? 'pouchdb-synced' : 'pouchdb'
  await mkdir(directory)
  const config = join(directory, 'config.json')
  const admin = { name: 'admin', password: randomUUID() }
  await writeFile(
    config,
    JSON.stringify({
      admins: { [admin.name]: admin.password },
      log: { level: 'none', file: join(directory, 'pouchdb.log') },
    }),
  )
  const { address, pid, stop } = await launch({
    args: (port) => [
      peers.file('pouchdb-server/bin/pouchdb-server'),
      ...['--dir', join(directory, 'databases'), '--config', config, '--port', String(port), '--no-stdout-logs'],
      ...(synced ? ['--level-backend', join(programs, 'level-with-sync.cjs')] : []),
    ],
    environment: () => ({ NODE_ENV: 'production' }),
    directory,
    ready: '/',
  })
  const read = (answer: Uint8Array) => changes.parse(JSON.parse(Buffer.from(answer).toString('utf8')))
  return {
    name,
    version: peers.version('pouchdb-server'),
    keeps: synced ? 'on disk' : 'left to the system',
    work: {
      knows: 'basic authentication, a database a user',
      commits: synced ? 'one batch in LevelDB with sync' : 'one batch in LevelDB, left to the operating system',
      compares: 'revisions, each document by itself',
      pulls: '_changes with the documents',
    },
    address,
    accounts: async (count) => {
      const accounts: Account[] = []
      for (let n = 0; n < count; n++) accounts.push(await signUp(`u${randomUUID()}`))
      return accounts
    },
    read: (answer) => read(answer).results.flatMap(({ doc }) => doc.blob ?? []),
    processes: async () => [pid],
    stop,
  }

  async function signUp(user: string): Promise<Account> {
    const password = randomUUID()
    const put = (path: string, body: unknown) =>
      json(`${address}/${path}`, { method: 'PUT', headers: basic(admin.name, admin.password), body })
    const id = `org.couchdb.user:${user}`
    await put(`_users/${id}`, { _id: id, name: user, password, roles: [], type: 'user' })
    await put(user, {})
    await put(`${user}/_security`, { admins: { names: [], roles: [] }, members: { names: [user], roles: [] } })
    return account(user, basic(user, password))
  }

  function account(user: string, headers: Record<string, string>): Account {
    const revisions = new Map<string, string>()
    const pull: Account['pull'] = (limit, after = '0') => ({
      method: 'GET',
      path: `/${user}/_changes?include_docs=true&limit=${limit}&since=${after}`,
      headers,
      body: undefined,
    })
    return {
      push: (entities) => ({
        method: 'POST',
        path: `/${user}/_bulk_docs`,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({
          docs: entities.map(({ id, version, blob }) => ({
            _id: id,
            _rev: revisions.get(id),
            type: 'medication',
            version,
            blob: blob.base64,
          })),
        }),
        yes: 201,
        done: (answer) => {
          for (const { id, rev } of written.parse(JSON.parse(answer))) revisions.set(id, rev)
        },
      }),
      pull,
      now: async () => String(read(await settle(address, pull(1_000))).last_seq),
    }
  }
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}
