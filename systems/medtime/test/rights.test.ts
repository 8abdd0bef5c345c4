import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { z } from 'zod'
import { withClient } from '../../../src/postgres/connection.ts'
import plan from '../plan.ts'
import { consentTexts } from '../services/api/rights/consent-texts.ts'
import { fillEveryTable, type UserTables, userTables } from './every-table.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

async function call(user: string, method: string, path: string, json?: unknown) {
  const response = await fetch(system.api + path, {
    method,
    headers: {
      authorization: `Bearer ${await system.token(user)}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  return { status: response.status, text, json: JSON.parse(text) as unknown }
}

const asAdmin = <T>(work: (client: Client) => Promise<T>) => withClient(system.adminUrl, work)
const verify = () =>
  asAdmin(async (client) => {
    const { rows } = await client.query<{ at: string | null }>('SELECT srv_verify_audit() AS at')
    return rows[0]?.at === null ? 'sound' : Number(rows[0]?.at)
  })

const consents = z.object({
  consents: z.array(z.object({ text_id: z.string(), given_at: z.string(), withdrawn_at: z.string().nullable() })),
})
const exported = z.object({
  user_id: z.string(),
  tables: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))),
  audit: z.array(z.object({ at: z.string(), event: z.string() })),
})
const exportOf = async (user: string) => exported.parse((await call(user, 'GET', '/account/export')).json)

test('consent is recorded with its text and time, ends when withdrawn, and may begin again', async () => {
  const user = randomUUID()
  const give = () => call(user, 'POST', '/account/consents', { text_id: 'privacy-1' })
  await give()
  const [once] = consents.parse((await give()).json).consents
  assert.equal(once?.withdrawn_at, null)
  await call(user, 'DELETE', '/account/consents/privacy-1')
  const history = consents.parse((await give()).json).consents
  assert.deepEqual(
    history.map(({ text_id, withdrawn_at }) => [text_id, withdrawn_at !== null]),
    [
      ['privacy-1', true],
      ['privacy-1', false],
    ],
  )
  assert.equal((await call(user, 'POST', '/account/consents', { text_id: 'anything-9' })).status, 400)
  assert.equal((await call(user, 'DELETE', '/account/consents/anything-9')).status, 400)
  assert.deepEqual(consents.parse((await call(randomUUID(), 'GET', '/account/consents')).json).consents, [])
  assert.deepEqual(
    (await exportOf(user)).audit.map(({ event }) => event),
    ['consent_given', 'consent_withdrawn', 'consent_given'],
  )
})

test('a text that somebody may have agreed to never changes', () => {
  const digest = (text: object) => createHash('sha256').update(JSON.stringify(text)).digest('hex').slice(0, 16)
  assert.deepEqual(Object.fromEntries(Object.entries(consentTexts).map(([id, text]) => [id, digest(text)])), {
    'terms-1': '206a81cea5bdede5',
    'privacy-1': '841dc7b6054ba07e',
    'ocr-server-1': 'b9c1010bb53a48d9',
    'sms-1': '409d7ce981571b4a',
  })
})

/** By table: how many rows name a user anywhere, and a digest of all that do not. */
async function survey(client: Client, user: string) {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`,
  )
  const named: Record<string, number> = {}
  const others: Record<string, string> = {}
  for (const { name } of rows) {
    const found = await client.query<{ named: number; others: string }>(
      `SELECT count(*) FILTER (WHERE t::text LIKE $1)::int AS named,
         md5(string_agg(t::text, '|' ORDER BY t::text) FILTER (WHERE t::text NOT LIKE $1)) AS others FROM ${name} AS t`,
      [`%${user}%`],
    )
    named[name] = found.rows[0]?.named ?? 0
    others[name] = found.rows[0]?.others ?? ''
  }
  return { named, others }
}

let tables: UserTables
const [ana, bob] = [randomUUID(), randomUUID()]

test('the export holds every row and every column of every table, but for what is withheld by name', async () => {
  await asAdmin(async (client) => {
    tables = await userTables(client)
    for (const user of [ana, bob]) await fillEveryTable(client, tables, user)
  })
  assert.ok(tables.names.length >= 15)
  const { tables: got, user_id } = await exportOf(ana)
  assert.equal(user_id, ana)
  await asAdmin(async (client) => {
    const { rows } = await client.query<{ withheld: string[] }>('SELECT srv_withheld() AS withheld')
    const withheld = rows[0]?.withheld ?? []
    for (const name of tables.names) {
      const columns = (tables.columns.get(name) ?? []).map((column) => column.name)
      const own = columns.filter((column) => /^(user_id|supervised_user_id)$/.test(column))
      if (own.length === 0 || name === 'srv_erasures') continue
      const { rows: held } = await client.query(`SELECT 1 FROM ${name} WHERE ${own[0]} = $1`, [ana])
      assert.equal(held.length, 1, name)
      assert.equal(got[name]?.length, 1, `${name} is exported`)
      const told = Object.keys(got[name]?.[0] ?? {})
      const { rows: all } = await client.query<{ name: string }>(
        `SELECT attname AS name FROM pg_attribute WHERE attrelid = '${name}'::regclass AND attnum > 0 AND NOT attisdropped`,
      )
      assert.deepEqual(
        all.map((column) => column.name).filter((column) => !told.includes(column) && !withheld.includes(column)),
        [],
        name,
      )
    }
  })
  assert.ok(!JSON.stringify(got).includes(bob))
})

test('the last character of a whole export is the brace that closes it', async () => {
  const { text } = await call(randomUUID(), 'GET', '/account/export')
  assert.equal(text.at(-1), '}')
})

test('a long history is exported whole, page by page', async () => {
  const user = randomUUID()
  const ids = await asAdmin(async (client) => {
    await client.query('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO srv_encrypted_entities (id, user_id, entity_type, encrypted_blob, client_id, key_id, blob_size, checksum, sequence, epoch)
       SELECT gen_random_uuid(), $1, 'dose', decode(repeat('ab', 30000), 'hex'), 'phone', 'k', 30000, repeat('0', 64), n, 1
       FROM generate_series(1, 300) AS n RETURNING id`,
      [user],
    )
    return rows.map(({ id }) => id)
  })
  const { tables: got } = await exportOf(user)
  const entities = z
    .array(z.object({ id: z.string(), encrypted_blob: z.string() }))
    .parse(got['srv_encrypted_entities'])
  assert.deepEqual(entities.map(({ id }) => id).sort(), ids.sort())
  assert.equal(entities[0]?.encrypted_blob.length, 2 + 60_000)
})

test('nobody erases an account by a slip, nor anybody else’s', async () => {
  for (const query of ['', '?confirm=yes', `?confirm=${bob}`])
    assert.equal((await call(ana, 'DELETE', `/account${query}`)).status, 400)
  assert.equal((await exportOf(bob)).tables['srv_users']?.length, 1)
})

test('after deletion no row of any table names the user, everybody else’s are as they were, and it is noted for restores', async () => {
  // Ana looks after Bob as well: that link is a row of Bob's which names her.
  const links = await asAdmin(async (client) => {
    await client.query(
      `INSERT INTO srv_family_links (supervised_user_id, supervisor_id, status) VALUES ($1, $2, 'active')`,
      [bob, ana],
    )
    return survey(client, ana)
  })
  assert.ok(Object.values(links.named).filter((count) => count > 0).length >= 15)
  const begun = Date.now()
  const { status, json } = await call(ana, 'DELETE', `/account?confirm=${ana}`)
  assert.equal(status, 200)
  const answer = z.object({ erased: z.boolean(), backups_expire_at: z.string() }).parse(json)
  assert.ok(answer.erased)
  const days = (Date.parse(answer.backups_expire_at) - begun) / 86_400_000
  assert.ok(days >= 90 && days < 90.1, 'as long as the plan keeps any backup of the database')

  const left = await asAdmin((client) => survey(client, ana))
  assert.deepEqual(
    Object.entries(left.named).filter(([, count]) => count > 0),
    [['srv_erasures', 1]],
    'its id alone waits for the record beside the backups',
  )
  const moving = ['srv_audit', 'srv_audit_head', 'srv_erasures', 'srv_rate_windows', ...tables.unnamed]
  for (const name of tables.unnamed) {
    const rows = await asAdmin(async (client) => (await client.query(`SELECT FROM ${name}`)).rowCount)
    assert.equal(rows, 1, `${name}: what hung on a row of Ana's is gone, and of Bob's is there`)
  }
  const kept = (all: Record<string, string>) => Object.entries(all).filter(([name]) => !moving.includes(name))
  assert.deepEqual(kept(left.others), kept(links.others))
  assert.deepEqual(
    await call(ana, 'DELETE', `/account?confirm=${ana}`).then(
      ({ json: again }) => z.object({ erased: z.boolean() }).parse(again).erased,
    ),
    false,
  )

  const rule = plan.recovery?.erasures?.['user']
  await withClient(system.ownerUrl, async (client) => {
    await client.query('BEGIN')
    for (const statement of rule?.sql ?? []) await client.query(statement, statement.includes('$1') ? [ana] : [])
    await client.query('COMMIT')
  })
  const recorded = await asAdmin((client) => survey(client, ana))
  assert.deepEqual(
    Object.values(recorded.named).filter((count) => count > 0),
    [],
    'and goes when that is made',
  )
})

test('a device that was still at work does not bring an erased user back', async () => {
  const user = randomUUID()
  const blob = Buffer.from('late')
  const push = () =>
    call(user, 'POST', '/sync/push', {
      device_id: 'phone',
      entities: [
        {
          id: randomUUID(),
          entity_type: 'dose',
          version: 1,
          deleted: false,
          key_id: 'k',
          encrypted_blob: blob.toString('base64'),
          checksum: createHash('sha256').update(blob).digest('hex'),
        },
      ],
    })
  assert.equal((await push()).status, 200)
  const answers = await Promise.all([
    ...Array.from({ length: 6 }, push),
    call(user, 'DELETE', `/account?confirm=${user}`),
    ...Array.from({ length: 6 }, push),
  ])
  assert.equal(answers[6]?.status, 200)
  for (const late of [await push(), await call(user, 'POST', '/account/consents', { text_id: 'terms-1' })])
    assert.equal(late.status, 401)
  const pulled = await call(user, 'GET', '/sync/pull?device_id=phone')
  assert.ok(pulled.status === 200 || pulled.status === 401)
  const { named } = await asAdmin((client) => survey(client, user))
  assert.deepEqual(
    Object.entries(named).filter(([, count]) => count > 0),
    [['srv_erasures', 1]],
  )
})

test('the log keeps that somebody was erased, and not who', async () => {
  const user = randomUUID()
  await call(user, 'POST', '/account/consents', { text_id: 'terms-1' })
  const actorOf = (client: Client) =>
    client.query<{ actor: Buffer }>(
      `SELECT sha256(salt || convert_to(user_id::text, 'UTF8')) AS actor FROM srv_audit_salts WHERE user_id = $1`,
      [user],
    )
  const actor = await asAdmin(async (client) => (await actorOf(client)).rows[0]?.actor)
  await call(user, 'DELETE', `/account?confirm=${user}`)
  await asAdmin(async (client) => {
    const { rows } = await client.query<{ event: string }>(
      'SELECT event FROM srv_audit WHERE actor = $1 ORDER BY sequence',
      [actor],
    )
    assert.deepEqual(
      rows.map(({ event }) => event),
      ['consent_given', 'account_erased'],
    )
    assert.deepEqual(
      (await actorOf(client)).rows,
      [],
      'the salt is gone, and with it the way from the id to the entries',
    )
  })
  assert.equal(await verify(), 'sound')
})

test('an entry that is changed, left out, added or cut off is told by its place', async () => {
  const people = Array.from({ length: 12 }, () => randomUUID())
  await Promise.all(people.map((user) => call(user, 'POST', '/account/consents', { text_id: 'terms-1' })))
  assert.equal(await verify(), 'sound', 'many at once make one chain')
  const last = await asAdmin(async (client) => {
    const { rows } = await client.query<{ sequence: string }>('SELECT max(sequence) AS sequence FROM srv_audit')
    return Number(rows[0]?.sequence)
  })
  for (const [tampering, place] of [
    [`UPDATE srv_audit SET event = 'consent_withdrawn' WHERE sequence = ${last - 3}`, last - 3],
    [`UPDATE srv_audit SET at = at + interval '1 microsecond' WHERE sequence = ${last - 3}`, last - 3],
    [`UPDATE srv_audit SET actor = sha256('x') WHERE sequence = ${last - 3}`, last - 3],
    [`DELETE FROM srv_audit WHERE sequence = ${last - 3}`, last - 3],
    [`DELETE FROM srv_audit WHERE sequence = ${last}`, last],
    [`INSERT INTO srv_audit VALUES (${last + 1}, now(), 'made_up', sha256('x'), sha256('y'))`, last + 1],
    [`UPDATE srv_audit_head SET hash = sha256('x')`, last + 1],
  ] as const) {
    await asAdmin(async (client) => {
      await client.query('BEGIN')
      await client.query(tampering)
      const { rows } = await client.query<{ at: string }>('SELECT srv_verify_audit() AS at')
      assert.equal(Number(rows[0]?.at), place, tampering)
      await client.query('ROLLBACK')
    })
  }
  await assert.rejects(
    withClient(system.roleUrl, (client) => client.query('DELETE FROM srv_audit')),
    { code: '42501' },
  )
})

test('what is older than six years goes, from the beginning alone, and the rest still follows', async () => {
  const user = randomUUID()
  const note = (at: string) =>
    withClient(system.roleUrl, async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT set_config('request.jwt.claims', $1, true)`, [JSON.stringify({ sub: user })])
      await client.query('INSERT INTO srv_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [user])
      await client.query(`SELECT srv_note_audit($1, 'consent_given', ${at})`, [user])
      await client.query('COMMIT')
    })
  const shorten = (at: string) =>
    withClient(system.roleUrl, async (client) =>
      Number((await client.query<{ gone: string }>(`SELECT srv_shorten_audit(${at}) AS gone`)).rows[0]?.gone),
    )
  assert.equal(await shorten(`now() + interval '20 years'`), 0, 'a clock that runs ahead removes nothing')
  // An entry with an old time after younger ones stays: nothing goes from the middle.
  await note(`now() - interval '7 years'`)
  assert.equal(await shorten('now()'), 0)
  await asAdmin((client) =>
    client.query(`TRUNCATE srv_audit; UPDATE srv_audit_head SET first_sequence = sequence, first_hash = hash`),
  )
  for (const age of ['8 years', '7 years', '5 years']) await note(`now() - interval '${age}'`)
  assert.equal(await shorten('now()'), 2)
  assert.equal(await verify(), 'sound')
  await note('now()')
  assert.equal(await verify(), 'sound')
})
