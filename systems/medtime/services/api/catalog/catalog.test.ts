import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { type DeviceCatalog, openDeviceCatalog } from '../../../client/catalog/device-catalog.ts'
import { expectedAnswers } from '../../../client/catalog/queries.fixture.ts'
import { similarity, trigramsOf } from '../../../client/catalog/trigram.ts'
import { startSystem, type TestSystem } from '../../../test/system.ts'
import { downloadAnswer, medicineAnswer, searchAnswer } from './wire.ts'

let system: TestSystem
let token: string
let device: DeviceCatalog
before(async () => {
  system = await startSystem()
  token = await system.token(randomUUID(), { tier: 'perfect' })
  device = await openDeviceCatalog({
    address: () => system.api,
    token: async () => token,
    fetch,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    random: () => 0,
    signal: undefined,
  })
  assert.equal(await device.refresh(), 'changed')
})
after(() => system?.stop())

const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${system.api}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } })
const search = async (typed: string, rest = '') => {
  const response = await ask(`/catalog/search?q=${encodeURIComponent(typed)}${rest}`)
  assert.equal(response.status, 200)
  return searchAnswer.parse(await response.json())
}

test('what people type finds what they mean, on the server and on the device alike', async () => {
  const wrong: string[] = []
  for (const { typed, language, first, strength } of expectedAnswers) {
    const { results } = await search(typed, `&lang=${language}`)
    const [best] = results
    const found = results.slice(0, 3).map(({ name, matched }) => `${name} (${matched})`)
    if (best?.name !== first) wrong.push(`${typed}: ${found.join(', ')}`)
    else if (strength !== undefined && best.strengths[0] !== strength) wrong.push(`${typed}: ${best.strengths[0]}`)
    assert.deepEqual(device.search(typed, { language }), results, typed)
  }
  assert.deepEqual(wrong, [])
  assert.ok(expectedAnswers.length >= 40)
})

test('server and device agree on whatever is typed', async () => {
  const names = expectedAnswers.map(({ typed }) => typed)
  const typed = fc.oneof(
    fc.tuple(fc.constantFrom(...names), fc.nat(12)).map(([name, length]) => name.slice(0, 2 + length)),
    fc
      .tuple(fc.constantFrom(...names), fc.nat(8), fc.constantFrom('', 'x', 'e'))
      .map(([name, at, letter]) => name.slice(0, at) + letter + name.slice(at + 1)),
    fc.string({
      unit: fc.constantFrom('a', 'o', 'in', 'met', ' ', '5', '0', '.', 'mg', 'é'),
      minLength: 1,
      maxLength: 6,
    }),
    fc.string({ minLength: 1, maxLength: 12 }),
  )
  const limits = fc.constantFrom(1, 10, 50)
  await fc.assert(
    fc.asyncProperty(typed, limits, async (text, limit) => {
      const { results } = await search(text, `&limit=${limit}`)
      assert.deepEqual(device.search(text, { limit }), results)
    }),
    // Of these a name is exactly as alike as is still offered, beside the best.
    { numRuns: 60, examples: [['orsartan', 10]] },
  )
})

test('likeness is computed as Postgres computes it', async () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'in', 'ol', ' ', '9', '.'), minLength: 1, maxLength: 8 })
  await withClient(system.adminUrl, async (client) => {
    await fc.assert(
      fc.asyncProperty(word, word, async (one, other) => {
        const { rows } = await client.query<{ alike: number }>('SELECT similarity($1, $2) AS alike', [one, other])
        const [a, b] = [trigramsOf(one.trim()), trigramsOf(other.trim())]
        const common = [...a].filter((trigram) => b.has(trigram)).length
        assert.equal(Math.fround(rows[0]?.alike ?? Number.NaN), similarity(common, a.size, b.size))
      }),
      { numRuns: 100 },
    )
  })
})

test('an answer that is asked for again comes from the cache, whoever asks; both are counted', async () => {
  const counted = async () => {
    const text = await (await fetch(`${system.api}/metrics`)).text()
    const of = (status: string) =>
      Number(new RegExp(`cache_requests_total\\{status="${status}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
    return { hit: of('hit'), miss: of('miss') }
  }
  const before = await counted()
  await search('fenofibrato')
  token = await system.token(randomUUID(), { tier: 'perfect' })
  await search('FENOFIBRATO ')
  const after = await counted()
  assert.deepEqual([after.miss - before.miss, after.hit - before.hit], [1, 1])
})

test('who holds an answer gets 304 and nothing else', async () => {
  for (const path of ['/catalog/search?q=losartan', '/catalog/ec4061697ed2a937', '/catalog/download']) {
    const first = await ask(path)
    const etag = first.headers.get('etag') ?? ''
    assert.match(etag, /^W\/"[\w-]{22}"$/, path)
    await first.arrayBuffer()
    const again = await ask(path, { 'if-none-match': `"other", ${etag}` })
    assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', etag], path)
    assert.equal((await ask(path, { 'if-none-match': '"other"' })).status, 200, path)
    assert.equal(first.headers.get('cache-control'), 'private, no-cache', path)
  }
})

test('a medicine is read by its id; an id that is none is nobody’s', async () => {
  const { results } = await search('losartan')
  const { medicine } = medicineAnswer.parse(await (await ask(`/catalog/${results[0]?.id}`)).json())
  assert.deepEqual([medicine.atc, medicine.names.pt], [['C09CA01'], 'Losartana'])
  for (const id of ['0000000000000000', 'losartan', '..%2f', 'EC4061697ED2A937']) {
    assert.equal((await ask(`/catalog/${id}`)).status, 404, id)
  }
})

test('the download is the same in every encoding, and small', async () => {
  const bytes = async (encoding: string) => {
    const response = await ask('/catalog/download', { 'accept-encoding': encoding })
    const body = Buffer.from(await response.arrayBuffer())
    return { encoding: response.headers.get('content-encoding'), body }
  }
  // fetch opens gzip by itself; zstd it may not know.
  const plain = (await bytes('identity')).body
  const answer = downloadAnswer.parse(JSON.parse(plain.toString('utf8')))
  assert.ok(answer.medicines.length >= 300)
  const gzipped = await bytes('gzip')
  assert.deepEqual(gzipped.body[0] === 0x1f ? gunzipSync(gzipped.body) : gzipped.body, plain)
  const zstd = await bytes('zstd')
  assert.equal(zstd.encoding, 'zstd')
  assert.deepEqual(zstd.body[0] === 0x28 ? zstdDecompressSync(zstd.body) : zstd.body, plain)
  assert.equal(await device.refresh(), 'unchanged')
})

test('no name that was looked for is in the log of the service or of the database, nor in an error', async () => {
  const planted = ['zyprexal', 'losartanol']
  for (const name of planted) {
    await search(`${name} 7731`)
    const texts = await statements()
    assert.match(texts, /srv_catalog_search\(\$1/)
    assert.ok(!texts.includes(name))
    for (const path of [`search?q=${name}&limit=99`, `search?${name}=1`, `${name}`, `download?since=${name}`]) {
      const response = await ask(`/catalog/${path}`)
      assert.ok(response.status === 400 || response.status === 404, path)
      assert.ok(!(await response.text()).includes(name), path)
    }
  }
  // Lines about requests are written together, within half a second.
  const deadline = Date.now() + 10_000
  while (!system.log().includes('/catalog/search') && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match(system.log(), /"endpoint":"\/catalog\/search"/)
  for (const name of planted) {
    assert.ok(!system.log().includes(name))
  }
})

test('nobody asks without a token', async () => {
  for (const path of ['search?q=a', 'download', 'ec4061697ed2a937']) {
    assert.equal((await fetch(`${system.api}/catalog/${path}`)).status, 401, path)
  }
})

/**
 * The texts of statements as Postgres knows them, which is what it may log: values are sent beside the text, and every server that
 * Aval starts is kept from logging those.
 */
async function statements(): Promise<string> {
  return withClient(system.adminUrl, async (client) => {
    const { rows } = await client.query<{ query: string; parameters: string }>(
      "SELECT query, current_setting('log_parameter_max_length') AS parameters FROM pg_stat_activity WHERE usename = 'medtime_api'",
    )
    assert.ok(rows.every(({ parameters }) => parameters === '0'))
    return rows.map(({ query }) => query).join('\n')
  })
}
