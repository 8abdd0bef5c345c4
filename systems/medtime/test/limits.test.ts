import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import { type RunningService, startService } from '../exercise/processes.ts'
import { startSystem, type TestSystem } from './system.ts'

/*
 * Two processes of the API over one database. The tests come as through a proxy on this machine: what they write into
 * X-Forwarded-For is believed, and so each has addresses of its own.
 */

let system: TestSystem
let second: RunningService
before(async () => {
  system = await startSystem()
  second = await startService('api', { DATABASE_URL: system.roleUrl, ISSUER_URL: system.issuer })
})
after(async () => {
  await second?.stop()
  await system.stop()
})

let addresses = 0
const newAddress = () => `198.51.100.${++addresses}`

interface Asked {
  token?: string
  address: string
  path?: string
  method?: string
  /** JSON. */
  body?: string
}

async function ask(api: string, { token, address, path = '/sync/status', method = 'GET', body }: Asked) {
  const response = await fetch(api + path, {
    method,
    headers: {
      'x-forwarded-for': address,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const number = (name: string) => {
    const text = response.headers.get(name)
    return text === null ? undefined : Number(text)
  }
  return {
    status: response.status,
    body: await response.text(),
    limit: number('x-ratelimit-limit'),
    remaining: number('x-ratelimit-remaining'),
    reset: number('x-ratelimit-reset'),
    retryAfter: number('retry-after'),
  }
}

/** As many requests at once as told, in turn to either process. */
const flood = (count: number, asked: Asked | (() => Asked)) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      ask(index % 2 === 0 ? system.api : second.address, typeof asked === 'function' ? asked() : asked),
    ),
  )

const statuses = (answers: { status: number }[]) =>
  Object.fromEntries([...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]))

for (const [tier, pulls] of [
  ['free', 30],
  ['pro', 150],
] as const) {
  test(`of three times ${pulls} pulls at once over two processes, exactly ${pulls} pass (${tier})`, async () => {
    const token = await system.token(randomUUID(), { tier })
    const answers = await flood(3 * pulls, { token, address: newAddress(), path: '/sync/pull' })
    assert.deepEqual(statuses(answers), { 200: pulls, 429: 2 * pulls })
    const passed = answers.filter(({ status }) => status === 200)
    assert.deepEqual(
      passed.map(({ remaining }) => remaining).sort((one, other) => Number(one) - Number(other)),
      Array.from({ length: pulls }, (_, index) => index),
      'each was told what is left after it',
    )
    for (const { status, limit, remaining, reset, retryAfter, body } of answers) {
      assert.equal(limit, pulls)
      assert.ok(reset !== undefined && reset > 0 && reset <= 60)
      if (status === 200) assert.equal(retryAfter, undefined)
      else {
        assert.equal(remaining, 0)
        // A window and its slice, and one more where the other instance counted into the next slice meanwhile.
        assert.ok(retryAfter !== undefined && retryAfter >= 50 && retryAfter <= 62, `waits ${retryAfter} s`)
        assert.equal(z.object({ code: z.string() }).parse(JSON.parse(body)).code, 'RATE_LIMITED')
      }
    }
  })
}

test('what one kind of request used up leaves room for others, up to the sum of a user', async () => {
  const token = await system.token(randomUUID())
  const address = newAddress()
  assert.deepEqual(statuses(await flood(40, { token, address, path: '/sync/pull' })), { 200: 30, 429: 10 })
  // Sixty in all: the ten that were refused do not count.
  assert.deepEqual(statuses(await flood(40, { token, address })), { 200: 30, 429: 10 })
  const other = await system.token(randomUUID())
  assert.equal((await ask(system.api, { token: other, address })).status, 200, 'somebody else at the same address')
})

test('of pushes that are refused nothing is written, whatever came in while they were counted', async () => {
  const user = randomUUID()
  const token = await system.token(user)
  const pushOf = (id: string) => {
    const blob = Buffer.from(id)
    const entity = {
      id,
      entity_type: 'medication',
      version: 1,
      deleted: false,
      key_id: 'key-1',
      encrypted_blob: blob.toString('base64'),
      checksum: createHash('sha256').update(blob).digest('hex'),
    }
    return JSON.stringify({ device_id: 'phone', entities: [entity] })
  }
  const asked = { token, address: newAddress(), path: '/sync/push', method: 'POST' }
  const answers = await flood(30, () => ({ ...asked, body: pushOf(randomUUID()) }))
  assert.deepEqual(statuses(answers), { 200: 10, 429: 20 })
  const { rows } = await withClient(system.adminUrl, (client) =>
    client.query<{ held: number }>('SELECT count(*)::int AS held FROM srv_encrypted_entities WHERE user_id = $1', [
      user,
    ]),
  )
  assert.equal(rows[0]?.held, 10)
})

test('who is at a limit is told that, whatever else is wrong; before that every answer says what is left', async () => {
  const token = await system.token(randomUUID())
  const faults: Asked[] = [
    { token, address: newAddress(), path: '/sync/pull?cursor=none' },
    { token, address: newAddress(), path: '/sync/pull?limit=none' },
    { token, address: newAddress(), path: '/sync/push', method: 'POST', body: '{"device_id":1}' },
    { token, address: newAddress(), path: '/sync/push', method: 'POST', body: '{"device_id' },
  ]
  for (const fault of faults) {
    const { status, remaining } = await ask(system.api, fault)
    assert.equal(status, 400)
    assert.ok(remaining !== undefined)
  }
  await flood(60, { token, address: newAddress() })
  for (const fault of faults) assert.equal((await ask(second.address, fault)).status, 429)
})

test('without a token an address has a hundred requests, whatever they ask for and whichever process', async () => {
  const address = newAddress()
  const paths = ['/openapi.json', '/nothing-here', '/sync/pull']
  let next = 0
  const answers = await flood(160, () => ({ address, path: paths[next++ % 3] ?? '/' }))
  assert.equal(statuses(answers)[429], 60)
  assert.equal((await ask(system.api, { address, path: '/health' })).status, 200, 'health is never counted')
  const token = await system.token(randomUUID())
  assert.equal((await ask(system.api, { address, token })).status, 200, 'nor does it lock out who has a token')
})

test('bad tokens count as none: who tries many is refused before learning more', async () => {
  const address = newAddress()
  const answers = await flood(120, { address, token: 'a.b.c' })
  assert.deepEqual(statuses(answers), { 401: 100, 429: 20 })
})

test('an address that a client writes itself is not believed', async () => {
  const address = newAddress()
  // The proxy adds whom it saw at the end; whatever stands before it came from outside.
  const answers = await flood(110, () => ({
    address: `${newAddress()}, 203.0.113.${addresses % 200}, ${address}`,
    path: '/nope',
  }))
  assert.deepEqual(statuses(answers), { 404: 100, 429: 10 })
})

test('who is no trusted proxy speaks for nobody', async () => {
  const stern = await startService('api', {
    DATABASE_URL: system.roleUrl,
    ISSUER_URL: system.issuer,
    TRUSTED_PROXIES: '10.0.0.0/8',
    LIMITS_EXEMPT: '',
  })
  try {
    const answers = await Promise.all(
      Array.from({ length: 105 }, () => ask(stern.address, { address: newAddress(), path: '/nope' })),
    )
    assert.deepEqual(statuses(answers), { 404: 100, 429: 5 })
  } finally {
    await stern.stop()
  }
})

test('how often requests were refused is measured, and no address is named', async () => {
  const address = newAddress()
  await flood(130, { address, path: '/nope' })
  const metrics = await (await fetch(`${system.api}/metrics`)).text()
  assert.match(metrics, /rate_limit_exceeded_total\{limit="address_unauthenticated",tier="none"\} \d+/)
  assert.match(metrics, /rate_limit_worst_address_rejections [1-9]/)
  assert.ok(!metrics.includes('198.51.100.'))
})
