import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Trial } from 'aval'
import { z } from 'zod'
import { createSyncClient } from '../../client/sync-client.ts'
import { rawSync } from '../raw-sync.ts'
import { differences, type TrialTools } from './trial-tools.ts'

/*
 * How often the SDK repeats a sync request, and how long it waits: against a real server that refuses by itself for a while, and then hands
 * over to the running one. The clock of the client notes what it is asked to wait, and does not.
 */

const port = z.object({ port: z.number() })

/** The break that makes a client begin again where it should have given up. */
export const restlessClients = 'restless-clients'

/** Pushes one entry while the first requests are refused. @returns what the client did, and whether the entry is stored */
async function pushThrough(tools: TrialTools, refusals: number) {
  let refused = 0
  const refusing = createServer((request, response) => {
    refused++
    request.resume().on('end', () => response.writeHead(503).end())
  })
  refusing.listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  const elsewhere = `http://127.0.0.1:${port.parse(refusing.address()).port}`
  const user = tools.newId()
  const tokens = tools.tokensOf(user)
  const waits: number[] = []
  let asked = 0
  const client = createSyncClient({
    address: () => tools.address('api'),
    token: tokens.current,
    user,
    device: 'phone',
    masterKeys: [createHash('sha256').update(user).digest()],
    clock: { now: tools.now, sleep: async (ms) => void waits.push(ms) },
    random: () => 0.5,
    fetch: (input, init) => {
      const url = new URL(String(input))
      if (url.pathname !== '/sync/push') return fetch(input, init)
      return fetch(asked++ < refusals ? `${elsewhere}${url.pathname}` : url, init)
    },
  })
  try {
    const entry = tools.newId()
    await client.put('journal', entry, Buffer.from('an entry'))
    const pushed = async () => (await client.push()).pushed.length
    const outcome = await pushed()
      .catch((error: unknown) => (tools.mutation === restlessClients ? pushed() : Promise.reject(error)))
      .catch(() => 'given up')
    const raw = rawSync({ address: () => tools.address('api'), tokens, device: 'reader' })
    const stored = (await raw.pullAll()).has(entry)
    return { asked, refused, waits, outcome, stored }
  } finally {
    refusing.closeAllConnections()
    refusing.close()
  }
}

const waits = [1_000, 2_000, 4_000]

export const clientRepeats = [
  (tools: TrialTools): Trial => ({
    id: 'limits-sync_repeats/third',
    promise: 'limits/sync_repeats',
    title: 'A push that is refused three times is repeated after 1, 2 and 4 seconds, and goes through',
    run: async () =>
      differences([
        'the client',
        await pushThrough(tools, 3),
        { asked: 4, refused: 3, waits, outcome: 1, stored: true },
      ]),
  }),
  (tools: TrialTools): Trial => ({
    id: 'limits-sync_repeats/spent',
    promise: 'limits/sync_repeats',
    title: 'A push that is refused four times is given up, and told',
    run: async () =>
      differences([
        'the client',
        await pushThrough(tools, 9),
        { asked: 4, refused: 4, waits, outcome: 'given up', stored: false },
      ]),
  }),
]
