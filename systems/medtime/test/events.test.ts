import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { withClient } from '../../../src/postgres/connection.ts'
import { listenForChanges } from '../client/events.ts'
import { systemClock } from '../client/retry.ts'
import { type RunningService, startService } from '../exercise/processes.ts'
import { streamsOfUser } from '../services/api/sync/events/streams.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
let second: RunningService
before(async () => {
  system = await startSystem()
  second = await startService('api', { DATABASE_URL: system.roleUrl, ISSUER_URL: system.issuer })
})
after(async () => {
  await second?.stop()
  await system?.stop()
})

const longMs = 10_000

async function until(what: () => boolean | Promise<boolean>, why: string): Promise<void> {
  const deadline = Date.now() + longMs
  while (!(await what())) {
    assert.ok(Date.now() < deadline, why)
    await systemClock.sleep(10)
  }
}

/** Everything a stream sends, as it comes. */
async function stream(address: string, token: string, device: string) {
  const stopped = new AbortController()
  const response = await fetch(`${address}/sync/events?device_id=${device}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stopped.signal,
  })
  const state = { status: response.status, type: response.headers.get('content-type'), text: '', ended: false }
  void (async () => {
    const decoder = new TextDecoder()
    if (response.body !== null) for await (const chunk of response.body) state.text += decoder.decode(chunk)
  })()
    .catch(() => undefined)
    .finally(() => {
      state.ended = true
    })
  const events = () => state.text.split('event: changed').length - 1
  return { state, events, stop: () => stopped.abort() }
}

async function push(address: string, token: string): Promise<number> {
  const blob = Buffer.from('sealed')
  const entity = {
    id: randomUUID(),
    entity_type: 'dose',
    version: 1,
    deleted: false,
    key_id: 'k',
    encrypted_blob: blob.toString('base64'),
    checksum: createHash('sha256').update(blob).digest('hex'),
  }
  const response = await fetch(`${address}/sync/push`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ device_id: 'phone', entities: [entity] }),
  })
  await response.arrayBuffer()
  return response.status
}

test('a push at one instance is heard at another, by this user alone, and nothing but that it happened is said', async () => {
  const [ana, bob] = [await system.token(randomUUID()), await system.token(randomUUID())]
  const here = await stream(system.api, ana, 'phone')
  const there = await stream(second.address, ana, 'tablet')
  const stranger = await stream(second.address, bob, 'phone')
  await until(() => here.events() + there.events() + stranger.events() === 3, 'each begins with an event')
  assert.equal(here.state.type, 'text/event-stream; charset=utf-8')
  assert.equal(await push(system.api, ana), 200)
  await until(() => here.events() === 2 && there.events() === 2, 'both heard it')
  assert.equal(await push(second.address, ana), 200)
  await until(() => here.events() === 3 && there.events() === 3, 'the other way as well')
  assert.equal(stranger.events(), 1)
  assert.match(there.state.text, /^(event: changed\ndata: \{"epoch":1\}\n\n|:\n\n)+$/)
  for (const each of [here, there, stranger]) each.stop()
})

test('what instances tell each other names nobody', async () => {
  const user = randomUUID()
  const token = await system.token(user)
  const listener = new Client({ connectionString: system.roleUrl })
  const heard: string[] = []
  listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
  await listener.connect()
  try {
    await listener.query('LISTEN srv_changed')
    await push(system.api, token)
    await until(() => heard.length > 0, 'the instances are told')
    for (const payload of heard) {
      assert.match(payload, /^[\w-]{22}:\d+( [\w-]{22}:\d+)*$/)
      assert.ok(
        !payload.includes(user) &&
          !payload.includes(createHash('sha256').update(user).digest('base64url').slice(0, 22)),
      )
    }
  } finally {
    await listener.end()
  }
})

test('a connection between the instances that breaks comes back, and every stream is told that something may have been missed', async () => {
  const token = await system.token(randomUUID())
  const here = await stream(system.api, token, 'phone')
  await until(() => here.events() === 1, 'it began')
  await withClient(system.adminUrl, (client) =>
    client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'medtime-events'`),
  )
  await until(() => here.events() === 2, 'told without any push')
  const connected = async () =>
    withClient(system.adminUrl, async (client) => {
      const { rows } = await client.query(`SELECT FROM pg_stat_activity WHERE application_name = 'medtime-events'`)
      return rows.length === 2
    })
  await until(connected, 'both instances are back')
  await push(second.address, token)
  await until(() => here.events() >= 3, 'and hears others again')
  here.stop()
})

test('a stream ends with its token, and one of a device ends the one before', async () => {
  const user = randomUUID()
  const brief = await stream(system.api, await system.token(user, { expiresIn: 2 }), 'phone')
  await until(() => brief.state.ended, 'it ended by itself')
  const token = await system.token(user)
  const first = await stream(system.api, token, 'phone')
  const again = await stream(system.api, token, 'phone')
  await until(() => first.state.ended, 'the first gave way')
  assert.equal(again.state.ended, false)
  again.stop()
})

test('without a token, with a malformed device, or as one device too many there is no stream', async () => {
  assert.equal((await stream(system.api, 'x.y.z', 'phone')).state.status, 401)
  const token = await system.token(randomUUID())
  assert.equal((await stream(system.api, token, 'no%20spaces')).state.status, 400)
  const open = await Promise.all(
    Array.from({ length: streamsOfUser }, (_, index) => stream(system.api, token, `device-${index}`)),
  )
  assert.ok(open.every(({ state }) => state.status === 200))
  assert.equal((await stream(system.api, token, 'one-more')).state.status, 429)
  for (const each of open) each.stop()
})

test('who asks for the head of a stream alone has it at once, and leaves no stream open', async () => {
  const token = await system.token(randomUUID())
  const response = await fetch(`${system.api}/sync/events?device_id=${randomUUID()}`, {
    method: 'HEAD',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(longMs),
  })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
})

test('a device hears of the changes of another, also after the service was started anew', async () => {
  const token = await system.token(randomUUID())
  let heard = 0
  const listening = listenForChanges(
    {
      address: () => system.api,
      token: async () => token,
      device: 'tablet',
      fetch,
      clock: { now: Date.now, sleep: (ms, signal) => systemClock.sleep(ms / 50, signal) },
      random: () => 0.5,
    },
    ({ epoch }) => {
      assert.equal(epoch, 1)
      heard++
    },
  )
  await until(() => heard === 1, 'it began')
  await push(system.api, token)
  await until(() => heard === 2, 'it heard')
  await system.restartApi('SIGTERM')
  await until(() => heard === 3, 'it came back')
  listening.stop()
})
