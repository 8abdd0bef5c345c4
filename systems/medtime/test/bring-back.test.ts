import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { extractRows } from '../../../src/recovery/extract/extract-rows.ts'
import { importRows } from '../../../src/recovery/extract/import-rows.ts'
import { createMasterKey } from '../client/keys.ts'
import { createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { migrate } from './database.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const text = (value: string) => new TextEncoder().encode(value)

function devices(user: string, names: readonly string[]): SyncClient[] {
  const masterKeys: [Uint8Array] = [createMasterKey()]
  return names.map((device) =>
    createSyncClient({
      address: system.api,
      token: () => system.token(user, { tier: 'perfect' }),
      user,
      device,
      masterKeys,
    }),
  )
}

function selectionOf(value: string) {
  return {
    kind: 'subject' as const,
    subject: { table: 'srv_users', column: 'user_id', value, tenant: 'user_id' },
  }
}

/** A database that holds a user as of now: what a backup restored beside would hold. */
async function backupOf(user: string): Promise<string> {
  const name = `backup_${randomUUID().slice(0, 8)}`
  await withClient(system.adminUrl, (client) => client.query(`CREATE DATABASE ${name} OWNER medtime_owner`))
  const at = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
  await migrate(at(system.ownerUrl))
  await extractRows({ url: system.adminUrl, selection: selectionOf(user) }, (extraction) =>
    importRows(extraction, { url: at(system.ownerUrl) }),
  )
  return at(system.adminUrl)
}

/** As the plan of MedTime has it. */
function bringBack(backup: string, user: string) {
  return extractRows({ url: backup, selection: selectionOf(user) }, (extraction) =>
    importRows(extraction, {
      url: system.ownerUrl,
      onConflict: { kind: 'newer', column: 'version' },
      before: ['SELECT srv_make_way($1)'],
      after: ['SELECT srv_bring_back($1)'],
    }),
  )
}

const contents = async (client: SyncClient) =>
  Object.fromEntries((await client.list()).map(({ id, value }) => [id, new TextDecoder().decode(value)]))

for (const [loss, sql] of [
  ['every row of the user', 'DELETE FROM srv_users WHERE user_id = $1'],
  ['every entity', 'DELETE FROM srv_encrypted_entities WHERE user_id = $1'],
  [
    'some entities',
    'DELETE FROM srv_encrypted_entities WHERE user_id = $1 AND sequence IN (SELECT sequence FROM srv_encrypted_entities WHERE user_id = $1 ORDER BY sequence LIMIT 2)',
  ],
] as const) {
  test(`after ${loss} was deleted and brought back, all devices agree and later writes are there`, async () => {
    const [user, stranger] = [randomUUID(), randomUUID()]
    const [phone, tablet] = devices(user, ['phone', 'tablet'])
    const [other] = devices(stranger, ['laptop'])
    assert.ok(phone && tablet && other)
    const doses = Array.from({ length: 5 }, () => randomUUID())
    for (const [at, id] of doses.entries()) await phone.put('dose', id, text(`dose ${at}`))
    await phone.sync()
    await tablet.sync()
    await other.put('dose', randomUUID(), text('of somebody else'))
    await other.sync()

    const backup = await backupOf(user)
    const [first = '', second = ''] = doses
    await tablet.put('dose', first, text('changed after the backup'))
    const added = randomUUID()
    await tablet.put('dose', added, text('added after the backup'))
    await tablet.sync()
    await phone.sync()

    await withClient(system.adminUrl, (client) => client.query(sql, [user]))
    const later = randomUUID()
    await phone.put('dose', later, text('written after the loss'))
    await phone.push()

    const report = await bringBack(backup, user)
    assert.ok(report.tables.some(({ inserted }) => inserted > 0))

    await tablet.put('dose', second, text('changed after the import'))
    const told = []
    for (let round = 0; round < 3; round++) for (const client of [phone, tablet]) told.push(await client.sync())
    assert.deepEqual(
      told.flatMap(({ conflicts, tampering }) => [...conflicts, ...tampering]),
      [],
    )
    const wanted = {
      ...Object.fromEntries(doses.map((id, at) => [id, `dose ${at}`])),
      [first]: 'changed after the backup',
      [second]: 'changed after the import',
      [added]: 'added after the backup',
      [later]: 'written after the loss',
    }
    assert.deepEqual(await contents(phone), wanted)
    assert.deepEqual(await contents(tablet), wanted)
    const { pulled, notice } = await other.sync()
    assert.deepEqual([pulled, notice], [[], undefined], 'nobody else notices anything')
    const stored = await withClient(system.adminUrl, async (client) => {
      const { rows } = await client.query<{ count: number; counter: boolean }>(
        `SELECT count(*) FILTER (WHERE entity_type <> 'mark')::int AS count, max(e.sequence) = max(u.sequence) AS counter FROM srv_encrypted_entities e
         JOIN srv_users u USING (user_id) WHERE user_id = $1`,
        [user],
      )
      return rows[0]
    })
    assert.deepEqual(stored, { count: 7, counter: true })
  })
}

test('the devices are told, and told again by a restore of everything', async () => {
  const user = randomUUID()
  const [phone] = devices(user, ['phone'])
  assert.ok(phone)
  await phone.put('dose', randomUUID(), text('one'))
  await phone.sync()
  const backup = await backupOf(user)
  await withClient(system.adminUrl, (client) => client.query('DELETE FROM srv_users WHERE user_id = $1', [user]))
  await bringBack(backup, user)
  const { notice } = await phone.sync()
  assert.equal(notice?.kind, 'server-restored')
  // A restore of the whole database later is noticed as well, by this user too.
  await withClient(system.ownerUrl, (client) => client.query('SELECT srv_raise_epoch()'))
  assert.ok(((await phone.sync()).notice?.epoch ?? 0) > (notice?.epoch ?? 0))
})
