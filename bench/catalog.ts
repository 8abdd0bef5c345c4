/*
 * Searches of the catalog over the published files: what a request costs from the outside, with its token, while somebody types.
 *
 *   node bench/catalog.ts <folder with the files> [--queries 2000] [--seed 1]
 *
 * Uncached: no query is asked twice. Cached: the same queries again. Both with one request at a time, and with four.
 */
import { randomUUID } from 'node:crypto'
import { Agent, get } from 'node:http'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { withClient } from '../src/postgres/connection.ts'
import { percentile } from '../src/prove/percentile.ts'
import { seededRandom } from '../src/random.ts'
import { createDeviceIndex } from '../systems/medtime/client/catalog/device-index.ts'
import { unpack } from '../systems/medtime/client/catalog/packed.ts'
import { namesOf } from '../systems/medtime/client/catalog/rank.ts'
import { startService } from '../systems/medtime/exercise/processes.ts'
import { downloadAnswer } from '../systems/medtime/services/api/catalog/wire.ts'
import { importDue } from '../systems/medtime/services/catalog-import/due-imports.ts'
import { migrate, startTestServer } from '../systems/medtime/test/database.ts'

const targets = { uncached: 20, cached: 5 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { queries: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
})
const [folder] = z.tuple([z.string()]).parse(positionals)
const count = z.coerce.number().int().positive().parse(values.queries)
const random = seededRandom(z.coerce.number().int().parse(values.seed))

const server = await startTestServer()
const issuer = await startService('issuer', {})
try {
  const database = await server.createDatabase('medtime')
  await migrate(database.ownerUrl)
  const started = performance.now()
  const outcomes = await withClient(database.roleUrl('medtime_catalog'), (client) =>
    importDue(client, folder, new Date()),
  )
  const taken = outcomes.flatMap((each) =>
    each.outcome === 'done' ? [`${each.source} ${each.summary.lines} lines`] : [],
  )
  console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}, seed ${values.seed}`)
  console.log(`taken in within ${((performance.now() - started) / 1000).toFixed(1)} s: ${taken.join(', ')}`)
  const api = await startService('api', { DATABASE_URL: database.roleUrl('medtime_api'), ISSUER_URL: issuer.address })
  try {
    await measure(api.address, await tokenOf(issuer.address))
  } finally {
    await api.stop()
  }
} finally {
  await issuer.stop()
  await server.stop()
}

async function measure(address: string, token: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const ask = (path: string, encoding = 'identity') =>
    new Promise<Buffer>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'accept-encoding': encoding }
      get(`${address}${path}`, { agent, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks))
          else reject(new Error(`answered ${response.statusCode}`))
        })
        response.on('error', reject)
      }).on('error', reject)
    })
  const search = (typed: string) => ask(`/catalog/search?q=${encodeURIComponent(typed)}`)

  const plain = await ask('/catalog/download')
  const [gzip, zstd] = [await ask('/catalog/download', 'gzip'), await ask('/catalog/download', 'zstd')]
  const catalog = downloadAnswer.parse(JSON.parse(plain.toString('utf8')))
  const medicines = catalog.medicines.map(unpack)
  const terms = medicines.flatMap(namesOf).map(({ term }) => term)
  console.log(
    `catalog: ${medicines.length} medicines, ${terms.length} names; download ${kb(plain)}, gzip ${kb(gzip)}, zstd ${kb(zstd)}`,
  )

  const prefixes = new Set<string>()
  while (prefixes.size < count * 2) {
    const term = random.pick(terms)
    prefixes.add(term.slice(0, 3 + random.int(Math.max(1, Math.min(term.length, 12) - 2))).trim())
  }
  const mistyped = new Set<string>()
  while (mistyped.size < count / 4) {
    const term = random.pick(terms.filter((each) => each.length > 6))
    const at = 1 + random.int(term.length - 3)
    mistyped.add((term.slice(0, at) + term[at + 1] + term[at] + term.slice(at + 2)).slice(0, 60))
  }
  const [one, four] = [[...prefixes].slice(0, count), [...prefixes].slice(count)]
  // Pools, plans and code are warm in a running system; the names of this round are not among those measured.
  for (let n = 0; n < 200; n++) await search(`warm ${n}`)

  tell('uncached prefix, one at a time', await timed(one, 1, search), targets.uncached)
  tell('uncached prefix, four at once', await timed(four, 4, search))
  tell('cached, one at a time', await timed(one, 1, search), targets.cached)
  tell('cached, four at once', await timed(four, 4, search))
  tell('uncached and mistyped, one at a time', await timed([...mistyped], 1, search))

  const index = createDeviceIndex(medicines)
  index.search('mistipedname', 10)
  tell('on the device, prefix', await timed(one, 1, async (typed) => index.search(typed, 10)))
  tell('on the device, mistyped', await timed([...mistyped], 1, async (typed) => index.search(typed, 10)))
}

async function timed(
  queries: readonly string[],
  atOnce: number,
  work: (typed: string) => Promise<unknown>,
): Promise<number[]> {
  const took: number[] = []
  const waiting = queries.values()
  const turn = async () => {
    for (const typed of waiting) {
      const started = performance.now()
      await work(typed)
      took.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, turn))
  return took
}

function tell(what: string, took: readonly number[], target?: number): void {
  const [p50, p99] = [percentile(took, 50), percentile(took, 99)]
  const kept = target === undefined ? '' : ` (target ${target} ms: ${p99 < target ? 'met' : 'MISSED'})`
  console.log(`${what}: P50 ${p50.toFixed(2)} ms, P99 ${p99.toFixed(2)} ms of ${took.length}${kept}`)
}

function kb(bytes: Uint8Array): string {
  return `${(bytes.length / 1024).toFixed(0)} KB`
}

async function tokenOf(issuerAddress: string): Promise<string> {
  const response = await fetch(`${issuerAddress}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: randomUUID(), email: 'bench@example.test', tier: 'perfect', expires_in: 3_600 }),
  })
  return z.object({ access_token: z.string() }).parse(await response.json()).access_token
}
