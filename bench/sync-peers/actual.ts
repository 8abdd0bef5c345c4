import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { launch } from '../sync/launch.ts'
import type { Account, Contender } from './contender.ts'
import type { Peers } from './install.ts'

/** Requests come from so many addresses, as those of many users do: the server allows each 500 a minute, and counts them. */
const addresses = 65_536
const dawn = '1970-01-01T00:00:00.000Z-0000-0000000000000000'
let requests = 0

/** @actual-app/sync-server with a file a user: an SQLite database of messages and the Merkle tree of their times. */
export async function actual(peers: Peers, directory: string): Promise<Contender> {
  const { decodeResponse, encodeRequest } = await import('./programs/actual-messages.js')
  await mkdir(directory)
  const { address, pid, stop } = await launch({
    args: () => [peers.file('@actual-app/sync-server/build/bin/actual-server.js')],
    environment: (port) => ({
      NODE_ENV: 'production',
      ACTUAL_PORT: String(port),
      ACTUAL_HOSTNAME: '127.0.0.1',
      ACTUAL_DATA_DIR: directory,
      ACTUAL_TRUSTED_PROXIES: '127.0.0.0/8',
    }),
    directory,
    ready: '/health',
  })
  return {
    name: 'actual',
    version: peers.version('@actual-app/sync-server'),
    keeps: 'on disk',
    work: {
      knows: 'session token, a file a user',
      commits: 'one transaction in SQLite with its journal',
      compares: 'nothing: keeps every write, clients take the last',
      pulls: 'messages after a time, with the Merkle tree',
    },
    address,
    accounts: async (count) => signUp(count),
    read: (answer) => decodeResponse(answer).map(({ content }) => Buffer.from(content).toString('base64')),
    processes: async () => [pid],
    stop,
  }

  /**
   * People come to it by way of an OpenID provider only, so that they and their sessions are laid into its database as it would do itself,
   * and a file each that was uploaded with a key.
   */
  async function signUp(count: number): Promise<Account[]> {
    const accounts: Account[] = []
    const file = join(directory, 'server-files/account.sqlite')
    await stat(file)
    const database = new DatabaseSync(file)
    try {
      database.exec('BEGIN')
      const newUser = database.prepare(
        `INSERT INTO users (id, user_name, display_name, enabled, owner, role) VALUES (?, ?, '', 1, 0, 'BASIC')`,
      )
      const newSession = database.prepare(
        `INSERT INTO sessions (token, expires_at, user_id, auth_method) VALUES (?, -1, ?, 'openid')`,
      )
      const newFile = database.prepare(
        `INSERT INTO files (id, group_id, sync_version, name, encrypt_meta, encrypt_keyid, owner) VALUES (?, ?, 2, 'file', ?, 'key-1', ?)`,
      )
      for (let n = 0; n < count; n++) {
        const [user, token, fileId, groupId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
        newUser.run(user, user)
        newSession.run(token, user)
        newFile.run(fileId, groupId, JSON.stringify({ keyId: 'key-1' }), user)
        accounts.push(account(token, { fileId, groupId, keyId: 'key-1' }))
      }
      database.exec('COMMIT')
    } finally {
      database.close()
    }
    return accounts
  }

  function account(token: string, file: { fileId: string; groupId: string; keyId: string }): Account {
    const node = randomBytes(8).toString('hex').toUpperCase()
    let clock = { ms: 0, count: 0 }
    let last = dawn
    const tick = () => {
      const ms = Date.now()
      clock = ms > clock.ms ? { ms, count: 0 } : { ms: clock.ms, count: clock.count + 1 }
      const count = clock.count.toString(16).toUpperCase().padStart(4, '0')
      last = `${new Date(clock.ms).toISOString()}-${count}-${node}`
      return last
    }
    const call = (since: string, contents: readonly Uint8Array[]): ReturnType<Account['push']> => ({
      method: 'POST',
      path: '/sync/sync',
      headers: {
        'x-actual-token': token,
        'content-type': 'application/actual-sync',
        'x-forwarded-for': forwarded(requests++ % addresses),
      },
      body: encodeRequest({
        ...file,
        // Of what it pushes itself nothing shall come back.
        since,
        messages: contents.map((content) => ({ timestamp: tick(), isEncrypted: true, content })),
      }),
    })
    return {
      push: (entities) =>
        call(
          last,
          entities.map(({ blob }) => blob.bytes),
        ),
      pull: (_, after = dawn) => call(after, []),
      now: async () => last,
    }
  }
}

function forwarded(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
}
