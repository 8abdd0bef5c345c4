import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { KdfRefused } from '../client/account/kdf.ts'
import { MasterKeyUnreadable } from '../client/account/master-key.ts'
import { writeRecoverySheet } from '../client/account/recovery-code.ts'
import { memoryStore } from '../client/local-store.ts'
import { SyncError } from '../client/request.ts'
import { assertTold, type Person, password, type Stage, startStage } from './household.ts'
import { createLyingServer } from './lying-server.ts'

/*
 * What a server can do to an account: the keys it keeps wrapped, the way a password is stretched, what the recovery code opens. People do
 * here what an app has them do, and nothing is wired beside it.
 */

let stage: Stage
let person: Person
before(async () => {
  stage = await startStage()
  person = await stage.signUp()
})
after(() => stage?.stop())

const [second, third] = ['Another one 8 altogether', 'And a third one 9 later'] as const
const otherKey = (body: string) => body.replace(/"wrapped_master_key":"[^"]{4}/, '"wrapped_master_key":"AAAA')

test('a life with an honest server: no alarm, and only a device that was handed no mark has to trust', async () => {
  const ana = await stage.signUp()
  const phone = await ana.signIn('phone', { sdk: ana.sdk })
  const first = phone.open()
  const dose = crypto.randomUUID()
  await first.client.put('dose', dose, new TextEncoder().encode('taken'))
  assert.equal((await first.client.sync()).firstUse, false, 'the account was made here')
  const sheet = writeRecoverySheet(ana.recoveryCode, await first.client.exportMark())

  const store = memoryStore()
  const tablet = (await ana.signIn('tablet')).open(store)
  assert.equal((await tablet.client.sync()).firstUse, true)
  assertTold(tablet.told, 'trust-on-first-use')

  // The password is changed on the phone, and the tablet signs in again.
  const { masterKey, tokens } = phone.signedIn
  const change = { email: ana.email, present: password, next: second, masterKey, token: tokens.access_token }
  await ana.sdk.changePassword({ ...change, client: first.client })
  // What the recovery code opens was never seen by anybody but the person; a new code replaces it all the same.
  const { recoveryCode } = await ana.sdk.renewRecoveryCode({ ...change, present: second, client: first.client })
  await assert.rejects(ana.sdk.recover(ana.email, sheet, third), SyncError, 'the old one is worth nothing')
  const again = (await ana.signIn('tablet', { with: second })).open(store)
  await again.client.sync()

  // Then it is forgotten: a new device gets in by the sheet, which holds the server to what it was when it was printed.
  const newSheet = writeRecoverySheet(recoveryCode, await first.client.exportMark())
  await ana.sdk.recover(ana.email, newSheet, third)
  const laptop = (await ana.signIn('laptop', { sdk: ana.sdk, with: third })).open()
  assert.equal((await laptop.client.sync()).firstUse, false)
  assert.equal(new TextDecoder().decode((await laptop.client.get(dose))?.value), 'taken')
  const last = (await ana.signIn('tablet', { with: third })).open(store)
  await last.client.sync()
  assert.deepEqual([...first.told, ...again.told, ...laptop.told, ...last.told], [])
})

describe('wrapped keys', () => {
  test('exchanged for others do not open', async () => {
    const server = createLyingServer()
    server.lieAt('POST', '/auth/token', otherKey)
    const refused = await person.signIn('phone', { server }).catch((thrown: unknown) => thrown)
    assert.ok(refused instanceof MasterKeyUnreadable)
    assertTold([refused.warning], 'keys-replaced')
  })

  test('of a password that was replaced, put back, open; but the devices stand for others', async () => {
    const ana = await stage.signUp()
    const phone = await ana.signIn('phone', { sdk: ana.sdk })
    const { client } = phone.open()
    await client.sync()
    const sql = (text: string) =>
      withClient(stage.system.adminUrl, (admin) => admin.query(text, [phone.signedIn.tokens.user_id]))
    const kept = await sql('SELECT to_jsonb(p) AS row FROM srv_account_passwords p WHERE user_id = $1')
    const { masterKey, tokens } = phone.signedIn
    const change = { email: ana.email, present: password, next: second, masterKey, token: tokens.access_token }
    await ana.sdk.changePassword({ ...change, client })
    await sql('DELETE FROM srv_account_passwords WHERE user_id = $1')
    await withClient(stage.system.adminUrl, (admin) =>
      admin.query(
        'INSERT INTO srv_account_passwords SELECT * FROM jsonb_populate_record(NULL::srv_account_passwords, $1)',
        [kept.rows[0]?.row],
      ),
    )
    const tablet = (await ana.signIn('tablet')).open()
    assert.equal(await tablet.client.adoptMark((await client.exportMark()) ?? ''), true)
    await tablet.client.sync()
    assertTold(tablet.told, 'keys-replaced')
  })
})

test('a password that is to be stretched less is not used', async () => {
  const server = createLyingServer()
  server.lieAt('POST', '/auth/sign-in/start', (body) => body.replace('"iterations":3', '"iterations":1'))
  const refused = await person.signIn('phone', { server }).catch((thrown: unknown) => thrown)
  assert.ok(refused instanceof KdfRefused)
  assertTold([refused.warning], 'kdf-changed')
})

describe('recovery data exchanged for others', () => {
  test('are noticed by the next device that signs in, long before they are needed', async () => {
    const phone = (await person.signIn('phone', { sdk: person.sdk })).open()
    await phone.client.sync()
    const server = createLyingServer()
    server.lieAt('GET', '/auth/recovery', otherKey)
    const tablet = (await person.signIn('tablet', { server })).open()
    assert.equal(await tablet.client.adoptMark((await phone.client.exportMark()) ?? ''), true)
    await tablet.client.sync()
    assertTold(tablet.told, 'recovery-replaced')
  })

  test('do not open when they are needed', async () => {
    const server = createLyingServer()
    server.lieAt('POST', '/auth/recovery', otherKey)
    const refused = await person.recover(server).catch((thrown: unknown) => thrown)
    assert.ok(refused instanceof MasterKeyUnreadable)
    assertTold([refused.warning], 'recovery-replaced')
  })
})
