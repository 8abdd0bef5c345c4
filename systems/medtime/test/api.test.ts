import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import plan from '../plan.ts'
import {
  conflictAnswer,
  epochAnswer,
  pullAnswer,
  pushAnswer,
  rejectedAnswer,
  statusAnswer,
} from '../services/api/sync/wire.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem

before(async () => {
  system = await startSystem()
})
after(() => system.stop())

function entity(text: string, changes: Record<string, unknown> = {}) {
  const blob = Buffer.from(text)
  return {
    id: randomUUID(),
    entity_type: 'dose',
    version: 1,
    deleted: false,
    key_id: 'k',
    encrypted_blob: blob.toString('base64'),
    checksum: createHash('sha256').update(blob).digest('hex'),
    ...changes,
  }
}

async function call(token: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(system.api + path, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as unknown, headers: response.headers }
}

test('every kind of answer has the form that the description gives it', async () => {
  const token = await system.token(randomUUID())
  const first = entity('first')
  const push = (body: unknown) => call(token, '/sync/push', body)
  const accepted = await push({ device_id: 'phone', entities: [first] })
  pushAnswer.parse(accepted.json)
  conflictAnswer.parse((await push({ device_id: 'phone', entities: [entity('other', { id: first.id })] })).json)
  rejectedAnswer.parse((await push({ device_id: 'phone', entities: [entity('x', { encrypted_blob: '@@@@' })] })).json)
  const early = await push({ device_id: 'phone', epoch: 999, entities: [entity('second')] })
  assert.equal(early.status, 410)
  epochAnswer.parse(early.json)
  const pulled = pullAnswer.parse((await call(token, '/sync/pull?device_id=phone')).json)
  assert.deepEqual(
    pulled.entities.map((row) => row.id),
    [first.id],
    'nothing was written in an epoch that is not',
  )
  statusAnswer.parse((await call(token, '/sync/status')).json)
})

test('a push that says what it replaces may leave versions out, and conflicts when the server holds another', async () => {
  const token = await system.token(randomUUID())
  const first = entity('first')
  const later = (base_version: number) => entity('fifth', { id: first.id, version: 5, base_version })
  const push = async (sent: object) =>
    (await call(token, '/sync/push', { device_id: 'phone', entities: [sent] })).status
  assert.deepEqual(
    [await push(first), await push(later(0)), await push(later(3)), await push(later(1))],
    [200, 409, 409, 200],
  )
  assert.equal(await push(later(1)), 200, 'and again, as a replay')
})

test('the log says what the plan lists and repeats nothing that was sent', async () => {
  const user = randomUUID()
  const mark = 'PARACETAMOL7731'
  const token = await system.token(user)
  await call(token, '/sync/push', { device_id: mark, entities: [entity(mark, { key_id: mark })] })
  await call(token, `/sync/pull?cursor=${mark}`)
  await call(token, `/${mark}`, undefined, { 'x-correlation-id': mark, 'user-agent': mark })
  await call(mark, '/sync/status')
  await system.restartApi('SIGTERM')
  const lines = system.pastLog().trim().split('\n')
  assert.ok(lines.length > 4)
  const allowed = new Set<string>(plan.telemetry?.logs?.fields)
  for (const line of lines) {
    const fields = Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(line)))
    assert.deepEqual(
      fields.filter((field) => !allowed.has(field)),
      [],
    )
  }
  const text = lines.join('\n')
  for (const secret of [mark, mark.toLowerCase(), Buffer.from(mark).toString('base64').slice(0, 18), user, token]) {
    assert.ok(!text.includes(secret))
  }
})

test('asked to end, the API answers what it has begun and leaves nothing half written', async () => {
  const token = await system.token(randomUUID())
  const sent = Array.from({ length: 40 }, () => Array.from({ length: 20 }, (_, index) => entity(`${index}`)))
  const pushes = sent.map((entities, index) =>
    call(token, '/sync/push', { device_id: `device-${index}`, entities }).then(
      ({ status }) => (status === 200 ? entities : []),
      () => [],
    ),
  )
  await Promise.race(pushes)
  await system.restartApi('SIGTERM')
  const acknowledged = (await Promise.all(pushes)).flat()
  assert.ok(acknowledged.length > 0)
  const stored = new Set<string>()
  let query = 'limit=100'
  for (;;) {
    const page = pullAnswer.parse((await call(token, `/sync/pull?${query}`)).json)
    for (const row of page.entities) stored.add(row.id)
    query = `limit=100&cursor=${page.cursor}`
    if (!page.has_more) break
  }
  for (const { id } of acknowledged) assert.ok(stored.has(id))
  for (const entities of sent) {
    const there = entities.filter(({ id }) => stored.has(id)).length
    assert.ok(there === 0 || there === entities.length, 'all of a push or none')
  }
})

test('connections that the database ends are replaced, and what failed is told as passing', async () => {
  const token = await system.token(randomUUID())
  for (let round = 0; round < 3; round++) {
    await withClient(system.adminUrl, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'medtime_api'`),
    )
    const answers = await Promise.all(Array.from({ length: 8 }, () => call(token, '/sync/status')))
    for (const { status, headers } of answers) {
      assert.ok(status === 200 || status === 503, String(status))
      if (status === 503) assert.equal(headers.get('retry-after'), '1')
    }
  }
  assert.equal((await call(token, '/sync/status')).status, 200)
})

test('of two processes the cursors of one are those of the other', async () => {
  const token = await system.token(randomUUID())
  const { cursor } = pushAnswer.parse(
    (await call(token, '/sync/push', { device_id: 'phone', entities: [entity('one')] })).json,
  )
  await system.restartApi('SIGKILL')
  assert.equal((await call(token, `/sync/pull?cursor=${cursor}`)).status, 200)
})

test('the issuer for development does not start anywhere else', async () => {
  const { runToEnd } = await import('../../../src/process.ts')
  const main = new URL('../services/issuer/main.ts', import.meta.url).pathname
  for (const environment of [{ AVAL_ENVIRONMENT: 'production' }, {}]) {
    const { code, stderr } = await runToEnd({
      program: process.execPath,
      args: [main],
      env: { PATH: process.env['PATH'], PORT: '0', ...environment },
    })
    assert.equal(code, 1)
    assert.match(stderr, /AVAL_ENVIRONMENT/)
  }
})
