import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { type Ask, type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'

const directory = resolve(import.meta.dirname, '..')
const rose = '00000000-0000-0000-0000-00000000000a'
const lily = '00000000-0000-0000-0000-00000000000b'
const clinics = [rose, lily]
const tables = ['clients', 'packages', 'reservations', 'users']

/** Ids are the same in both clinics, which their keys allow: what belongs to whom is told by the clinic alone. */
const one = '11111111-1111-1111-1111-111111111111'

let database: MigratedDatabase
let whileEmpty: Record<string, string>

before(async () => {
  database = await migratedDatabase(plan, directory)
  whileEmpty = await answers(database.roleUrl('bloom_api'))
  for (const clinic of clinics) {
    const add = (sql: string) => database.ask(database.ownerUrl, sql, [clinic, one])
    await database.ask(database.ownerUrl, `insert into tenants (id, slug, name) values ($1, $2, 'Clinic')`, [
      clinic,
      `clinic-${clinic.at(-1)}`,
    ])
    await add(`insert into users ("tenantId", id, email, name) values ($1, $2, 'desk@clinic.test', 'Desk')`)
    await add(`insert into clients ("tenantId", id, name) values ($1, $2, 'Client')`)
    await add(
      `insert into packages ("tenantId", id, "clientId", name, sessions, price) values ($1, $2, $2, 'Ten', 2, 100)`,
    )
    await add(
      `insert into reservations ("tenantId", id, "clientId", "userId", "packageId", "startsAt", "endsAt")
       values ($1, $2, $2, $2, $2, '2026-01-05 10:00+00', '2026-01-05 11:00+00')`,
    )
    await add(
      `insert into payments ("tenantId", id, "clientId", "packageId", method, amount) values ($1, $2, $2, $2, 'card', 100)`,
    )
  }
})

after(() => database.close())

/** One request of the API: a transaction that names its clinic. */
const asClinic = <T>(clinic: string, work: (ask: Ask) => Promise<T>) =>
  database.attempt(database.roleUrl('bloom_api'), async (ask) => {
    await ask("select set_config('app.current_tenant', $1, true)", [clinic])
    return work(ask)
  })

const refusedBy = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error)
  assert.equal(error.code, code)
  return true
}

test('the migrations apply as an owner without superuser and break no invariant', async () => {
  assert.deepEqual(await database.states(), {
    '20251203090000_init': 'applied',
    '20251203100000_row_level_security': 'applied',
    '20251210090000_tenant_required': 'applied',
    '20251211090000_payments': 'applied',
  })
  for (const [name, { sql }] of Object.entries(database.plan.database?.invariants ?? {})) {
    assert.deepEqual(await database.ask(database.ownerUrl, sql), [], name)
  }
})

for (const table of tables) {
  test(`a clinic reads, changes, deletes and adds only its own ${table}`, async () => {
    await asClinic(rose, async (ask) => {
      assert.deepEqual(await ask(`select distinct "tenantId" from ${table}`), [{ tenantId: rose }])
      assert.deepEqual(await ask(`select count(*) from ${table}`), [{ count: '1' }])
      assert.deepEqual(
        await ask(`update ${table} set "createdAt" = now() where "tenantId" = $1 returning 1`, [lily]),
        [],
      )
      assert.deepEqual(await ask(`delete from ${table} where "tenantId" = $1 returning 1`, [lily]), [])
      await assert.rejects(ask(`update ${table} set "tenantId" = $1`, [lily]), refusedBy('42501'))
    })
  })
}

test('a row for another clinic is refused, and so is a reference to one of its rows', async () => {
  const added = '22222222-2222-2222-2222-222222222222'
  await database.ask(database.ownerUrl, `insert into clients ("tenantId", id, name) values ($1, $2, 'Other')`, [
    lily,
    added,
  ])
  await asClinic(rose, (ask) =>
    assert.rejects(ask(`insert into clients ("tenantId", name) values ($1, 'Mine')`, [lily]), refusedBy('42501')),
  )
  await asClinic(rose, (ask) =>
    assert.rejects(
      ask(`insert into packages ("tenantId", "clientId", name, sessions, price) values ($1, $2, 'Ten', 1, 1)`, [
        rose,
        added,
      ]),
      refusedBy('23503'),
    ),
  )
})

test('an id that another clinic uses is free: a refusal would tell that it is there', async () => {
  const known = '33333333-3333-3333-3333-333333333333'
  const insert = `insert into clients ("tenantId", id, name) values ($1, $2, 'Same')`
  await database.ask(database.ownerUrl, insert, [lily, known])
  await asClinic(rose, (ask) => ask(insert, [rose, known]))
})

/** What each table answers; `refused` where it is no answer. */
const answers = async (url: string, name?: string) => {
  const seen: Record<string, string> = {}
  for (const table of ['tenants', ...tables, 'payments']) {
    seen[table] = await database.attempt(url, async (ask) => {
      if (name !== undefined) {
        // The setting is over with its transaction, and is '' from then on.
        await ask("select set_config('app.current_tenant', $1, true)", [name])
        await ask('commit')
        await ask('begin')
      }
      return ask(`select * from ${table}`).then(
        (rows) => `${rows.length} rows`,
        (error: unknown) => (refusedBy('42501')(error) ? 'refused' : ''),
      )
    })
  }
  return seen
}
const everyTableRefused = Object.fromEntries(['tenants', ...tables, 'payments'].map((table) => [table, 'refused']))

test('a session that names no clinic is refused by every table, also after one that did', async () => {
  const api = database.roleUrl('bloom_api')
  assert.deepEqual(await answers(api), everyTableRefused)
  assert.deepEqual(await answers(api, rose), everyTableRefused)
})

test('a table without a row refuses as well: an empty list would say that there is nobody', () => {
  assert.deepEqual(whileEmpty, everyTableRefused)
})

test('what is no id of a clinic is refused', async () => {
  await database.attempt(database.roleUrl('bloom_api'), async (ask) => {
    await ask("select set_config('app.current_tenant', 'rose', true)")
    await assert.rejects(ask('select * from clients'), refusedBy('42501'))
  })
})

test('a payment stays as it was made: nobody of a clinic changes or deletes it, and it is given back once', async () => {
  const refund = `insert into payments ("tenantId", "clientId", "refundOf", method, amount) values ($1, $2, $2, 'cash', -100)`
  for (const change of ['update payments set amount = 1', 'delete from payments'])
    await asClinic(rose, (ask) => assert.rejects(ask(change), refusedBy('42501')))
  await asClinic(rose, async (ask) => {
    await ask(refund, [rose, one])
    await assert.rejects(ask(refund, [rose, one]), refusedBy('23505'))
  })
})

test('a clinic sees and takes only its own payments', async () => {
  await asClinic(rose, async (ask) => {
    assert.deepEqual(await ask('select distinct "tenantId" from payments'), [{ tenantId: rose }])
    await assert.rejects(
      ask(`insert into payments ("tenantId", "clientId", method, amount) values ($1, $2, 'cash', 1)`, [lily, one]),
      refusedBy('42501'),
    )
  })
})

test('a clinic sees itself and cannot make or rename one', async () => {
  await asClinic(rose, async (ask) => {
    assert.deepEqual(await ask('select id from tenants'), [{ id: rose }])
    await assert.rejects(ask(`update tenants set name = 'Mine'`), refusedBy('42501'))
  })
  await asClinic(rose, (ask) =>
    assert.rejects(ask(`insert into tenants (slug, name) values ('new', 'New')`), refusedBy('42501')),
  )
})

const broken: Record<string, { statements: string[]; found: number }> = {
  'every-table-guarded': { statements: ['create table forgotten ()'], found: 1 },
  'package-not-overdrawn': {
    statements: [
      `insert into reservations ("tenantId", "clientId", "userId", "packageId", "startsAt", "endsAt")
       select "tenantId", "clientId", "userId", "packageId", "startsAt" + day * interval '1 day', "endsAt" + day * interval '1 day'
       from reservations, generate_series(1, 2) as day where "tenantId" = '${rose}'`,
    ],
    found: 1,
  },
  'refund-within-payment': {
    statements: [
      `insert into payments ("tenantId", "clientId", "refundOf", method, amount)
       select "tenantId", "clientId", id, method, -amount - 1 from payments where "tenantId" = '${rose}'`,
    ],
    found: 1,
  },
  'constraints-are-valid': {
    statements: ['alter table packages add constraint later check (price < 1000000) not valid'],
    found: 1,
  },
}

for (const [name, { statements, found }] of Object.entries(broken)) {
  test(`the invariant ${name} finds what breaks it`, async () => {
    await database.attempt(database.ownerUrl, async (ask) => {
      for (const statement of statements) await ask(statement)
      const rows = await ask(database.plan.database?.invariants[name]?.sql ?? 'select 1 where false')
      assert.equal(rows.length, found)
    })
  })
}
