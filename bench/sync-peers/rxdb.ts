import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { launch } from '../sync/launch.ts'
import { settle } from './asked.ts'
import type { Account, Contender } from './contender.ts'
import { type Peers, programs } from './install.ts'

const page = z.object({
  documents: z.array(z.object({ blob: z.string() })),
  checkpoint: z.object({ id: z.string(), lwt: z.number() }),
})
const conflicts = z.array(z.unknown()).max(0)

/** rxdb-server over one collection in memory. */
export async function rxdb(peers: Peers, directory: string): Promise<Contender> {
  await mkdir(directory)
  const { address, pid, stop } = await launch({
    args: () => [join(programs, 'rxdb-server.js')],
    environment: (port) => ({ NODE_ENV: 'production', PORT: String(port) }),
    directory,
    ready: '/health',
  })
  const read = (answer: Uint8Array) => page.parse(JSON.parse(Buffer.from(answer).toString('utf8')))
  return {
    name: 'rxdb',
    version: peers.version('rxdb-server'),
    keeps: 'in memory',
    work: {
      knows: 'bearer token looked up in memory',
      commits: 'nothing, all is in memory',
      compares: 'the state that the client assumes, each document by itself',
      pulls: 'checkpoint, in the order of changes',
    },
    address,
    accounts: async (count) => Array.from({ length: count }, () => account(randomUUID())),
    read: (answer) => read(answer).documents.map(({ blob }) => blob),
    processes: async () => [pid],
    stop,
  }

  function account(user: string): Account {
    const headers = { authorization: `Bearer ${user}` }
    const held = new Map<string, object>()
    const pull: Account['pull'] = (limit, after = '') => ({
      method: 'GET',
      path: `/sync/0/pull?limit=${limit}${after}`,
      headers,
      body: undefined,
    })
    return {
      push: (entities) => {
        const states = entities.map(({ id, version, blob }) => ({
          id,
          user,
          type: 'medication',
          version,
          blob: blob.base64,
          _deleted: false,
        }))
        return {
          method: 'POST',
          path: '/sync/0/push',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(
            states.map((newDocumentState) => ({
              newDocumentState,
              assumedMasterState: held.get(newDocumentState.id),
            })),
          ),
          done: (answer) => {
            conflicts.parse(JSON.parse(answer))
            for (const state of states) held.set(state.id, state)
          },
        }
      },
      pull,
      now: async () => {
        const { id, lwt } = read(await settle(address, pull(1_000))).checkpoint
        return `&id=${id}&lwt=${lwt}`
      },
    }
  }
}
