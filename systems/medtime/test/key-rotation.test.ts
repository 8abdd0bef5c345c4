import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseEnv, promisify } from 'node:util'
import { Secret, TOTP } from 'otpauth'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { type RunningService, startService } from '../exercise/processes.ts'
import { opaqueOf } from '../services/accounts/opaque/setup.ts'
import { createSealing } from '../services/accounts/sealing/seal.ts'
import { openDatabase } from '../services/api/database.ts'
import { phonePlace, tokenPlace } from '../services/api/messages/sealed-content.ts'
import { createVault } from '../services/api/messages/vault.ts'
import { readRings } from '../services/keys/key-file.ts'
import type { KeyRing } from '../services/keys/key-ring.ts'
import { migrate, startTestServer, type TestServer } from './database.ts'
import * as weakly from './weakly-stretched.ts'

let server: TestServer
let database: PreparedDatabase
let [folder, file] = ['', '']

before(async () => {
  server = await startTestServer()
  database = await server.createDatabase('keys')
  await migrate(database.ownerUrl)
  folder = await mkdtemp(join(tmpdir(), 'medtime-keys-'))
  file = join(folder, 'services.env')
  const lines = [
    '# of the services',
    `ACCOUNTS_KEY=${randomBytes(32).toString('base64')}`,
    `MESSAGES_KEY=${randomBytes(32).toString('hex')}`,
    'TOKEN_AUDIENCE=medtime-api',
  ]
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
})
after(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** One step of the runbook, as it stands there. @returns what was printed */
async function step(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, '../services/keys/main.ts'), name, file],
    {
      env: {
        PATH: process.env['PATH'],
        ACCOUNTS_DATABASE_URL: database.roleUrl('medtime_accounts'),
        MESSAGES_DATABASE_URL: database.roleUrl('medtime_messenger'),
      },
    },
  )
  return stdout
}

const environment = async () => {
  const values = Object.entries(parseEnv(await readFile(file, 'utf8')))
  return Object.fromEntries(values.map(([name, value]) => [name, value ?? '']))
}
/** Accounts as the file says at this moment. */
const start = async (): Promise<RunningService> =>
  startService('accounts', { DATABASE_URL: database.roleUrl('medtime_accounts'), ...(await environment()) })
const keysOf = async () => readRings(await readFile(file, 'utf8'))

const count = z.object({ looked: z.number(), resealed: z.number() })
const counts = z.object({ accounts: count, messages: count })

const password = 'a password'
const code = (secret: string, step: number) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + step * 30_000 })

/** Somebody with an authenticator. */
async function person(address: string) {
  const email = `${randomUUID()}@example.test`
  await weakly.signUp(address, email, password)
  const { body } = await weakly.signIn(address, email, password)
  const token = String(body['access_token'])
  const { ticket } = (await weakly.post(address, '/auth/second-factor/ticket', {}, token)).body
  const secret = String((await weakly.post(address, '/auth/second-factor/totp', { ticket })).body['secret'])
  const confirmed = await weakly.post(address, '/auth/second-factor/totp/confirm', { ticket, code: code(secret, -1) })
  assert.equal(confirmed.status, 200)
  return { email, secret, token, user: String(body['user_id']) }
}

type Person = Awaited<ReturnType<typeof person>>

/** The password and the authenticator open the account, and a token from before is still taken. */
async function assertKnown(address: string, { email, secret, token }: Person, step: number): Promise<void> {
  const half = await weakly.signIn(address, email, password)
  assert.equal(half.body['code'], 'SECOND_FACTOR_NEEDED')
  const ticket = half.body['ticket']
  const asked = { grant_type: 'second_factor', ticket, method: 'totp', code: code(secret, step) }
  assert.equal((await weakly.post(address, '/auth/token', asked)).status, 200)
  const sessions = await fetch(`${address}/auth/sessions`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(sessions.status, 200)
}

/** What an instance needs before it is ready. */
async function opaque(ring: KeyRing): Promise<void> {
  const connections = openDatabase({
    url: database.roleUrl('medtime_accounts'),
    poolSize: 1,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
  try {
    await opaqueOf(connections, createSealing(ring))
  } finally {
    await connections.close()
  }
}

/** A device and a number as the API leaves them. */
async function messagesOf(user: string): Promise<void> {
  const vault = createVault((await keysOf()).messages)
  await withClient(database.adminUrl, async (client) => {
    await client.query(
      `INSERT INTO srv_message_devices (user_id, device_id, platform, language, sealed_token, token_hash, registered_at)
       VALUES ($1, 'phone', 'ios', 'es', $2, $3, now())`,
      [user, vault.seal('token', tokenPlace(user, 'phone')), vault.hash('token')],
    )
    await client.query(
      `INSERT INTO srv_message_phones (user_id, sealed_number, number_hash, language, confirmed_at)
       VALUES ($1, $2, $3, 'es', now())`,
      [user, vault.seal('+525512345678', phonePlace(user)), vault.hash('+525512345678')],
    )
  })
}

test('the keys are replaced step by step, and nobody is locked out at any of them', async () => {
  const first = await environment()
  let service = await start()
  const ana = await person(service.address)
  await messagesOf(ana.user)

  assert.doesNotMatch(await step('add'), /[0-9a-f]{64}|[A-Za-z0-9+/]{43}=/)
  await assert.rejects(step('add'), /second key already/)
  const former = service
  service = await start()
  await step('turn')
  const turned = await start()
  // What an instance that turned seals is opened by one that has only been given the new key, and by none that has not.
  const bob = await person(turned.address)
  await assertKnown(service.address, bob, 0)
  await Promise.all([former.stop(), service.stop()])

  const printed = counts.parse(JSON.parse(await step('reseal')))
  assert.ok(printed.accounts.resealed >= 3, 'the setup, a signing key, an authenticator')
  assert.equal(printed.messages.resealed, 2)
  assert.equal(counts.parse(JSON.parse(await step('reseal'))).accounts.resealed, 0)
  await step('retire')
  await turned.stop()
  const noted = await withClient(database.adminUrl, (client) =>
    client.query(`SELECT 1 FROM srv_audit WHERE event = 'keys_replaced'`),
  )
  assert.equal(noted.rows.length, 1, 'the log of accounts tells of it, once')

  const last = await environment()
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.ok(!last['ACCOUNTS_KEY']?.includes(first['ACCOUNTS_KEY'] ?? ''))
  assert.equal(last['TOKEN_AUDIENCE'], 'medtime-api')
  const renewed = await start()
  try {
    await assertKnown(renewed.address, ana, 1)
    const vault = createVault((await keysOf()).messages)
    await withClient(database.adminUrl, async (client) => {
      const { rows } = await client.query('SELECT sealed_number, number_hash FROM srv_message_phones')
      assert.equal(vault.open(rows[0].sealed_number, phonePlace(ana.user)), '+525512345678')
      assert.deepEqual(vault.hash('+525512345678'), rows[0].number_hash)
      const devices = await client.query('SELECT sealed_token FROM srv_message_devices')
      assert.equal(vault.open(devices.rows[0].sealed_token, tokenPlace(ana.user, 'phone')), 'token')
    })
  } finally {
    await renewed.stop()
  }

  // The former key opens nothing any more, and without the key for names the service refuses to find nobody.
  const { names, keys } = (await keysOf()).accounts
  const lost = Buffer.from(first['ACCOUNTS_KEY'] ?? '', 'base64')
  await assert.rejects(opaque({ keys: [lost], names }), /authenticate data/)
  await assert.rejects(opaque({ keys, names: undefined }), { code: 'OTHER_NAMES_KEY' })
  await opaque({ keys, names })
})

test('a key is not retired while something is sealed under it', async () => {
  await step('add')
  const service = await start()
  try {
    await step('turn')
    // This instance was not started anew, and seals with the former key.
    await person(service.address)
    await assert.rejects(step('retire'), /sealed under a former key/)
    assert.equal((await keysOf()).accounts.keys.length, 2)
    await step('retire')
  } finally {
    await service.stop()
  }
})
