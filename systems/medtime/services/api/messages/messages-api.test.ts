import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { after, before, test } from 'node:test'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { startSystem, type TestSystem } from '../../../test/system.ts'
import { type SignedRequest, startTwilioDouble, type TwilioDouble } from '../../../test/twilio-double.ts'
import { contentPlace } from './sealed-content.ts'
import { developmentAuthToken, developmentOrigin, readMessagesSettings } from './settings.ts'

let system: TestSystem
let twilio: TwilioDouble
before(async () => {
  ;[system, twilio] = await Promise.all([startSystem(), startTwilioDouble({ authToken: developmentAuthToken })])
})
after(() => Promise.all([system.stop(), twilio.stop()]))

const token = `${'a'.repeat(22)}:APA91b${'x'.repeat(120)}`
const device = { platform: 'android', language: 'es', token }

async function call(user: string, method: string, path: string, body?: unknown) {
  const response = await fetch(system.api + path, {
    method,
    headers: {
      authorization: `Bearer ${await system.token(user)}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json(), headers: response.headers }
}

const sql = <Row extends object>(text: string, values: unknown[] = []) =>
  withClient(system.adminUrl, async (client) => (await client.query<Row>(text, values)).rows)

/** Delivers a request as it came from Twilio. */
async function deliver({ path, headers, body }: SignedRequest) {
  const response = await fetch(system.api + path, { method: 'POST', headers, body })
  const text = await response.text()
  return { status: response.status, text }
}

/** A message that Twilio took. */
async function aSentMessage() {
  const [user, id] = [randomUUID(), randomUUID()]
  await sql('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
  await sql(
    `INSERT INTO srv_messages (id, user_id, type, event, audience, target, state, created_at, due_at, expires_at)
     VALUES ($1, $2, 'mfa_code', 'test', 'user', '', 'accepted', now(), now(), now())`,
    [id, user],
  )
  return {
    id,
    sms: {
      sid: `SM${randomUUID().replaceAll('-', '')}`,
      to: '+12025550100',
      from: '+15005550006',
      body: '',
      statusCallback: `${developmentOrigin}/messages/twilio/status?message=${id}`,
      validityPeriod: 300,
      at: 0,
    },
  }
}
const receiptsOf = (id: string) =>
  sql<{ status: string; error_code: string | null }>(
    'SELECT status, error_code FROM srv_message_receipts WHERE message_id = $1 ORDER BY received_at',
    [id],
  )

test('a device is registered, told without its token, replaced and ended, by its own user alone', async () => {
  const [ana, bob] = [randomUUID(), randomUUID()]
  assert.equal((await call(ana, 'PUT', '/messages/devices/phone', device)).status, 200)
  assert.equal((await call(ana, 'PUT', '/messages/devices/phone', { ...device, language: 'en' })).status, 200)
  const { json } = await call(ana, 'GET', '/messages/devices')
  assert.deepEqual(
    json.devices.map((each: Record<string, unknown>) => ({ ...each, registered_at: 'then' })),
    [{ device_id: 'phone', platform: 'android', language: 'en', registered_at: 'then' }],
  )
  assert.deepEqual((await call(bob, 'GET', '/messages/devices')).json, { devices: [] })
  assert.equal((await call(bob, 'DELETE', '/messages/devices/phone')).status, 200)
  assert.equal((await call(ana, 'GET', '/messages/devices')).json.devices.length, 1)
  assert.equal((await call(ana, 'DELETE', '/messages/devices/phone')).status, 200)
  assert.deepEqual((await call(ana, 'GET', '/messages/devices')).json, { devices: [] })
})

test('no token stands in the database as it is, and nobody registers more than 20 devices', async () => {
  const ana = randomUUID()
  for (let index = 0; index < 22; index++) await call(ana, 'PUT', `/messages/devices/d${index}`, device)
  const rows = await sql<{ device_id: string; sealed_token: Buffer }>(
    'SELECT device_id, sealed_token FROM srv_message_devices WHERE user_id = $1 ORDER BY registered_at',
    [ana],
  )
  assert.equal(rows.length, 20)
  assert.equal(rows[0]?.device_id, 'd2')
  for (const { sealed_token } of rows) assert.ok(!sealed_token.includes('APA91b'))
})

test('what is not a registration is refused, and nothing is repeated', async () => {
  const ana = randomUUID()
  for (const [path, body] of [
    ['/messages/devices/phone', { ...device, token: 'PARACETAMOL 500' }],
    ['/messages/devices/phone', { ...device, platform: 'PARACETAMOL' }],
    ['/messages/devices/phone', { ...device, note: 'PARACETAMOL' }],
    ['/messages/devices/PARACETAMOL.500', device],
    ['/messages/phone', { number: 'PARACETAMOL', language: 'es' }],
    ['/messages/phone', { number: '+12025550100', language: 'PARACETAMOL' }],
  ] as const) {
    const { status, json } = await call(ana, 'PUT', path, body)
    assert.equal(status, 400)
    assert.ok(!JSON.stringify(json).includes('PARACETAMOL'))
  }
})

test('a number counts once its code is confirmed: five tries, five minutes, one user', async () => {
  const [ana, bob] = [randomUUID(), randomUUID()]
  const number = '+12025550117'
  const { vault } = readMessagesSettings({ AVAL_ENVIRONMENT: 'scratch' })
  assert.ok(vault)
  const codeOf = async (user: string) => {
    const [row] = await sql<{ id: string; content: Buffer }>(
      'SELECT id, content FROM srv_messages WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1',
      [user],
    )
    assert.ok(row)
    assert.ok(!row.content.includes(number.slice(1)))
    return String(JSON.parse(vault.open(row.content, contentPlace(row.id))).fields.code)
  }
  const confirm = (user: string, code: string) => call(user, 'POST', '/messages/phone/confirm', { code })
  const other = (code: string) => (code === '000000' ? '000001' : '000000')

  assert.equal((await call(ana, 'PUT', '/messages/phone', { number, language: 'es' })).status, 200)
  const first = await codeOf(ana)
  assert.equal((await confirm(bob, first)).status, 403, 'another user')
  // Tries at the same moment are counted as well.
  const wrong = await Promise.all(Array.from({ length: 5 }, () => confirm(ana, other(first))))
  assert.deepEqual(
    wrong.map(({ status }) => status),
    [403, 403, 403, 403, 403],
  )
  assert.equal((await confirm(ana, first)).json.code, 'CODE_REFUSED', 'the tries are over')

  await call(ana, 'PUT', '/messages/phone', { number, language: 'es' })
  const second = await codeOf(ana)
  await sql(`UPDATE srv_message_phone_checks SET expires_at = now() - interval '1 s' WHERE user_id = $1`, [ana])
  assert.equal((await confirm(ana, second)).status, 403, 'too late')
  assert.deepEqual((await call(ana, 'GET', '/messages/phone')).json, { confirmed_at: null })

  await call(ana, 'PUT', '/messages/phone', { number, language: 'es' })
  assert.equal((await confirm(ana, await codeOf(ana))).status, 200)
  const [kept] = await sql<{ sealed_number: Buffer }>(
    'SELECT sealed_number FROM srv_message_phones WHERE user_id = $1',
    [ana],
  )
  assert.ok(kept && !kept.sealed_number.includes(number.slice(1)))
  assert.equal(typeof (await call(ana, 'GET', '/messages/phone')).json.confirmed_at, 'string')
  await call(ana, 'DELETE', '/messages/phone')
  assert.deepEqual((await call(ana, 'GET', '/messages/phone')).json, { confirmed_at: null })
})

test('ten codes a day may be asked for, also all at once', async () => {
  const ana = randomUUID()
  const ask = () => call(ana, 'PUT', '/messages/phone', { number: '+12025550118', language: 'es' })
  const answers = await Promise.all(Array.from({ length: 13 }, ask))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(10).fill(200), 429, 429, 429])
  const wait = Number(answers.find(({ status }) => status === 429)?.headers.get('retry-after'))
  assert.ok(wait > 86_000 && wait <= 86_400)
})

test('a receipt is noted once, with the code of the error', async () => {
  const { id, sms } = await aSentMessage()
  assert.equal((await deliver(twilio.receipt(sms, 'sent'))).status, 200)
  assert.equal((await deliver(twilio.receipt(sms, 'undelivered', '30003'))).status, 200)
  assert.deepEqual(await receiptsOf(id), [
    { status: 'accepted', error_code: null },
    { status: 'undelivered', error_code: 'TWILIO_30003' },
  ])
})

test('replayed receipts are refused, also with their parameters in another order', async () => {
  const { id, sms } = await aSentMessage()
  const receipt = twilio.receipt(sms, 'delivered')
  assert.equal((await deliver(receipt)).status, 200)
  const turned = new URLSearchParams([...new URLSearchParams(receipt.body)].reverse()).toString()
  for (const body of [receipt.body, turned]) {
    const { status, text } = await deliver({ ...receipt, body })
    assert.equal(status, 409)
    assert.match(text, /REPLAYED/)
  }
  assert.equal((await receiptsOf(id)).length, 1)
})

test('whatever is forged about a receipt, it is refused and nothing is noted', async () => {
  const { id, sms } = await aSentMessage()
  const another = await aSentMessage()
  const receipt = twilio.receipt(sms, 'delivered')
  const signature = receipt.headers['x-twilio-signature'] ?? ''
  const { 'x-twilio-signature': _, ...unsigned } = receipt.headers
  const sign = (value: string) => ({ ...receipt.headers, 'x-twilio-signature': value })
  const forged: [string, SignedRequest][] = [
    ['no signature', { ...receipt, headers: unsigned }],
    ['an empty one', { ...receipt, headers: sign('') }],
    ['a cut one', { ...receipt, headers: sign(signature.slice(0, -1)) }],
    ['a longer one', { ...receipt, headers: sign(`${signature}=`) }],
    ['two of them', { ...receipt, headers: sign(`${signature}, ${signature}`) }],
    [
      'of another request',
      { ...receipt, headers: sign(twilio.receipt(another.sms, 'delivered').headers['x-twilio-signature'] ?? '') },
    ],
    ['another status', { ...receipt, body: receipt.body.replaceAll('delivered', 'failed') }],
    ['one parameter more', { ...receipt, body: `${receipt.body}&ErrorCode=30003` }],
    ['one parameter twice', { ...receipt, body: `${receipt.body}&MessageStatus=failed` }],
    ['another message', { ...receipt, path: receipt.path.replace(id, another.id) }],
    ['another path', { ...receipt, path: '/messages/twilio/inbound' }],
    ['one more in the query', { ...receipt, path: `${receipt.path}&x=1` }],
    [
      'another place, told by headers',
      {
        ...twilio.receipt(
          { ...sms, statusCallback: sms.statusCallback.replace(developmentOrigin, system.api) },
          'delivered',
        ),
      },
    ],
  ]
  for (const [what, request] of forged) {
    const { status, text } = await deliver(request)
    assert.equal(status, 403, what)
    assert.match(text, /SIGNATURE_REFUSED/, what)
  }
  assert.deepEqual([await receiptsOf(id), await receiptsOf(another.id)], [[], []])
})

test('the address comes from the configuration: what Host and proxies say changes nothing', async () => {
  const { id, sms } = await aSentMessage()
  const elsewhere = (statusCallback: string, host: string) =>
    new Promise<number>((resolve, reject) => {
      const { path, headers, body } = twilio.receipt({ ...sms, statusCallback }, 'delivered')
      const told = { ...headers, host, 'x-forwarded-host': host, 'x-forwarded-proto': 'https', 'x-original-url': path }
      const request = httpRequest(system.api + path, { method: 'POST', headers: told }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
      request.on('error', reject).end(body)
    })
  const evil = sms.statusCallback.replace(developmentOrigin, 'https://evil.example')
  assert.equal(await elsewhere(evil, 'evil.example'), 403)
  assert.equal(await elsewhere(sms.statusCallback, 'evil.example'), 200)
  assert.equal((await receiptsOf(id)).length, 1)
})

test('a receipt of no message, of no form or of another kind says so and changes nothing', async () => {
  const { sms } = await aSentMessage()
  const unknown = { ...sms, statusCallback: sms.statusCallback.replace(/[0-9a-f-]{36}$/, randomUUID()) }
  assert.equal((await deliver(twilio.receipt(unknown, 'delivered'))).status, 404)
  const nowhere = { ...sms, statusCallback: `${developmentOrigin}/messages/twilio/status` }
  assert.equal((await deliver(twilio.receipt(nowhere, 'delivered'))).status, 400)
  assert.equal((await deliver(twilio.receipt(sms, 'a status of tomorrow'))).status, 200)
  const receipt = twilio.receipt(sms, 'delivered')
  const asJson = { ...receipt, headers: { ...receipt.headers, 'content-type': 'application/json' }, body: '{}' }
  assert.equal((await deliver(asJson)).status, 415)
  assert.equal((await deliver({ ...receipt, body: `${receipt.body}&X=${'x'.repeat(40_000)}` })).status, 413)
})

test('STOP ends messages to a number and START begins them again; an old STOP cannot be told twice', async () => {
  const { vault } = readMessagesSettings({ AVAL_ENVIRONMENT: 'scratch' })
  const from = '+12025550123'
  const webhook = `${developmentOrigin}/messages/twilio/inbound`
  const wishes = async () =>
    (
      await sql<{ wish: string }>('SELECT wish FROM srv_message_wishes WHERE number_hash = $1 ORDER BY id', [
        vault?.hash(from),
      ])
    ).map(({ wish }) => wish)
  const stop = twilio.inbound(webhook, from, ' stop ')
  assert.deepEqual(await deliver(stop), {
    status: 200,
    text: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
  })
  await deliver(twilio.inbound(webhook, from, 'I take PARACETAMOL, is that fine?'))
  await deliver(twilio.inbound(webhook, from, 'Start'))
  assert.equal((await deliver(stop)).status, 409)
  await deliver(twilio.inbound(webhook, from, 'anything', { OptOutType: 'STOP' }))
  await deliver(twilio.inbound(webhook, from, 'Baja'))
  assert.deepEqual(await wishes(), ['stop', 'start', 'stop', 'stop'])
  const forged = twilio.inbound(webhook, from, 'START')
  assert.equal((await deliver({ ...forged, body: forged.body.replace('START', 'STOP') })).status, 403)
  const everything = JSON.stringify(await sql('SELECT * FROM srv_message_wishes'))
  assert.ok(!everything.includes('2025550123') && !everything.includes('PARACETAMOL'))
})

test('the log of all this names no number, no token and no code', async () => {
  // Lines about requests are written together, a moment later.
  const deadline = Date.now() + 20_000
  while (!system.log().includes('/messages/twilio/status')) {
    assert.ok(Date.now() < deadline, 'the log tells of the receipts')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const log = system.log()
  for (const secret of ['2025550', 'APA91b', 'PARACETAMOL', 'message=', developmentAuthToken]) {
    assert.ok(!log.includes(secret), secret)
  }
})
