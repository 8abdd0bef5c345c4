import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { type Ask, type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'

const directory = resolve(import.meta.dirname, '..')
const cea = '00000000-0000-0000-0000-000000000001'
const other = '00000000-0000-0000-0000-000000000002'
/** The first customer of the seed. */
const contract = '00000000-0000-0000-0006-000000000001'
const take = '00000000-0000-0000-0004-000000000001'
const person = '00000000-0000-0000-0001-000000000001'
const meter = '00000000-0000-0000-0005-000000000001'
const invoice = '00000000-0000-0000-0007-000000000001'

let database: MigratedDatabase

before(async () => {
  database = await migratedDatabase(plan, directory)
  await database.ask(database.ownerUrl, await readFile(join(directory, 'seed/cea-queretaro.sql'), 'utf8'))
  await database.ask(
    database.ownerUrl,
    `insert into tenants (id, slug, name, rfc, fiscal_name) values ($1, 'other', 'Other', 'OTR850101AAA', 'Other')`,
    [other],
  )
})

after(() => database.close())

const asOwner = <T>(work: (ask: Ask) => Promise<T>) => database.attempt(database.ownerUrl, work)

/** One request of the API, or one job of a worker: a transaction that names its tenant. */
const asTenant = <T>(tenant: string, work: (ask: Ask) => Promise<T>, role = 'supra_api') =>
  database.attempt(database.roleUrl(role), async (ask) => {
    await ask("select set_config('app.current_tenant', $1, true)", [tenant])
    return work(ask)
  })

const refusedBy = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error)
  assert.equal(error.code, code)
  return true
}
const overlap = refusedBy('23P01')
const forbidden = refusedBy('42501')

const bill = (ask: Ask, id: string, from: string, to: string, status = 'draft') =>
  ask(
    `insert into invoices (tenant_id, id, number, contract_id, tariff_schedule_id, period_start, period_end,
       consumption_m3, subtotal, total, status, cfdi_uuid)
     select $1, $2::uuid, $2::uuid::text, $3, t.id, $4, $5, 9, 94.50, 94.50, $6::text, case when $6 in ('stamped', 'paid') then $2::uuid end
     from tariff_schedules t where t.tenant_id = $1`,
    [cea, id, contract, from, to, status],
  )

test('the journal applies in order as an owner without superuser; the seed breaks no invariant', async () => {
  assert.deepEqual(await database.states(), {
    '0000_tenants_persons_addresses': 'applied',
    '0001_infrastructure': 'applied',
    '0002_billing_payments': 'applied',
    '0003_operations': 'applied',
    '0004_events_readings': 'applied',
    '0005_issued_invoices': 'applied',
  })
  const [seeded] = await database.ask(
    database.ownerUrl,
    `select (select count(*) from persons)::int as persons, (select count(*) from tomas)::int as takes,
       (select count(*) from meters)::int as meters, (select count(*) from contracts)::int as contracts,
       (select count(*) from meter_readings)::int as readings`,
  )
  assert.deepEqual(seeded, { persons: 10, takes: 10, meters: 10, contracts: 10, readings: 40 })
  for (const [name, { sql }] of Object.entries(database.plan.database?.invariants ?? {})) {
    assert.deepEqual(await database.ask(database.ownerUrl, sql), [], name)
  }
})

test('every table and every partition has row security', async () => {
  const open = await database.ask(
    database.ownerUrl,
    `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity`,
  )
  assert.deepEqual(open, [])
})

for (const role of ['supra_api', 'supra_worker']) {
  test(`${role} reaches the rows of its tenant and none of another, in every table that has some`, async () => {
    const tables = [
      'users',
      'persons',
      'addresses',
      'sectores_hidraulicos',
      'tomas',
      'acometidas',
      'meters',
      'contracts',
      'tariff_schedules',
      'meter_readings',
    ]
    for (const table of tables) {
      const count = (tenant: string) =>
        asTenant(tenant, async (ask) => (await ask(`select 1 from ${table}`)).length, role)
      assert.ok((await count(cea)) > 0, table)
      assert.equal(await count(other), 0, table)
      await asTenant(
        other,
        async (ask) => {
          assert.deepEqual(await ask(`update ${table} set tenant_id = tenant_id returning 1`), [])
          assert.deepEqual(await ask(`delete from ${table} returning 1`), [])
        },
        role,
      )
    }
  })
}

test('a session without a tenant sees nothing', async () => {
  const api = database.roleUrl('supra_api')
  for (const table of ['tenants', 'persons', 'meter_readings']) {
    assert.deepEqual(await database.ask(api, `select 1 from ${table}`), [], table)
  }
})

test('no row can be added for another tenant, nor refer to its rows', async () => {
  const insert = `insert into contracts (tenant_id, number, person_id, toma_id, starts_on) values ($1, 'X', $2, $3, '2026-01-01')`
  await asTenant(other, (ask) => assert.rejects(ask(insert, [cea, person, take]), forbidden))
  await asTenant(other, (ask) => assert.rejects(ask(insert, [other, person, take]), refusedBy('23503')))
})

test('a partition cannot be read past the policy of its table', async () => {
  await asTenant(other, (ask) => assert.rejects(ask('select 1 from meter_readings_2026_01'), forbidden))
  await database.ask(database.ownerUrl, 'grant select on meter_readings_2026_01 to supra_api')
  assert.deepEqual(await asTenant(cea, (ask) => ask('select 1 from meter_readings_2026_01')), [])
  await database.ask(database.ownerUrl, 'revoke select on meter_readings_2026_01 from supra_api')
})

test('a reading lies in the partition of its month, and months can be made ahead again and again', async () => {
  await asOwner(async (ask) => {
    await ask("call make_month_partitions('meter_readings', '2027-11-01', '2028-02-01')")
    await ask("call make_month_partitions('meter_readings', '2027-11-01', '2028-02-01')")
    const rows = await ask(
      `insert into meter_readings (tenant_id, meter_id, read_at, value_m3) values ($1, $2, '2028-02-29 23:59:59.999+00', 900)
       returning tableoid::regclass::text as partition`,
      [cea, meter],
    )
    assert.deepEqual(rows, [{ partition: 'meter_readings_2028_02' }])
  })
})

test('a take has one contract and one meter at a time; the day one ends the next may begin', async () => {
  const contractFrom = (ask: Ask, day: string) =>
    ask(`insert into contracts (tenant_id, number, person_id, toma_id, starts_on) values ($1, 'N-1', $2, $3, $4)`, [
      cea,
      person,
      take,
      day,
    ])
  await asOwner((ask) => assert.rejects(contractFrom(ask, '2026-06-01'), overlap))
  await asOwner(async (ask) => {
    await ask("update contracts set ends_on = '2026-06-01' where id = $1", [contract])
    await contractFrom(ask, '2026-06-01')
  })
  await asOwner((ask) =>
    assert.rejects(
      ask(
        `insert into meters (tenant_id, serial_number, toma_id, installed_on) values ($1, 'M-NEW', $2, '2026-06-01')`,
        [cea, take],
      ),
      overlap,
    ),
  )
})

test('a day is billed once, unless its invoice was cancelled', async () => {
  const second = invoice.replace(/1$/, '2')
  await asOwner(async (ask) => {
    await bill(ask, invoice, '2026-01-01', '2026-02-01')
    await bill(ask, second, '2026-02-01', '2026-03-01')
    await assert.rejects(bill(ask, invoice.replace(/1$/, '3'), '2026-01-31', '2026-02-15'), overlap)
  })
  await asOwner(async (ask) => {
    await bill(ask, invoice, '2026-01-01', '2026-02-01', 'cancelled')
    await bill(ask, second, '2026-01-01', '2026-02-01')
  })
})

test('one tariff of a type holds at a time', async () => {
  await asOwner((ask) =>
    assert.rejects(
      ask(
        `insert into tariff_schedules (tenant_id, name, type, effective_from, blocks) values ($1, 'Twice', 'domestico', '2026-07-01', '[{}]')`,
        [cea],
      ),
      overlap,
    ),
  )
})

test('a payment counts once however often its channel reports it', async () => {
  await asOwner(async (ask) => {
    await bill(ask, invoice, '2026-01-01', '2026-02-01')
    const pay = () =>
      ask(
        `insert into payments (tenant_id, invoice_id, channel, amount, reference, paid_at) values ($1, $2, 'spei', 94.50, 'R-1', now())
         on conflict (tenant_id, channel, reference) do nothing returning 1`,
        [cea, invoice],
      )
    assert.equal((await pay()).length, 1)
    assert.equal((await pay()).length, 0)
  })
})

test('services cancel an invoice and return a payment; neither can be deleted', async () => {
  for (const table of ['invoices', 'payments']) {
    await asTenant(cea, (ask) => assert.rejects(ask(`delete from ${table}`), forbidden))
  }
})

test('an issued invoice and its lines stay as they are, for the owner too; it is paid or cancelled, and a draft may change', async () => {
  const stays = refusedBy('23001')
  const addLine = (ask: Ask, position: number) =>
    ask(
      `insert into invoice_lines (tenant_id, invoice_id, position, concept, amount) values ($1, $2, $3, 'Agua', 10)`,
      [cea, invoice, position],
    )
  const goTo = (ask: Ask, status: string) =>
    ask(`update invoices set status = $2 where id = $1 returning 1`, [invoice, status])
  const issued = async (ask: Ask) => {
    await bill(ask, invoice, '2026-01-01', '2026-02-01')
    await addLine(ask, 1)
    await ask(`update invoices set subtotal = 10, total = 10, status = 'stamped', cfdi_uuid = id where id = $1`, [
      invoice,
    ])
  }
  const changes: ((ask: Ask) => Promise<unknown>)[] = [
    (ask) => ask('update invoices set subtotal = 11, total = 11 where id = $1', [invoice]),
    (ask) => ask('update invoices set period_end = period_end + 1 where id = $1', [invoice]),
    (ask) => ask('delete from invoices where id = $1', [invoice]),
    (ask) => goTo(ask, 'draft'),
    (ask) => addLine(ask, 2),
    (ask) => ask('update invoice_lines set amount = 9 where invoice_id = $1', [invoice]),
    (ask) => ask('delete from invoice_lines where invoice_id = $1', [invoice]),
  ]
  for (const change of changes)
    await asOwner(async (ask) => {
      await issued(ask)
      await assert.rejects(change(ask), stays)
    })
  for (const way of [['paid'], ['cancelled'], ['paid', 'cancelled']])
    await asOwner(async (ask) => {
      await issued(ask)
      for (const status of way) assert.equal((await goTo(ask, status)).length, 1)
    })
  await asOwner(async (ask) => {
    await issued(ask)
    await goTo(ask, 'cancelled')
    await assert.rejects(goTo(ask, 'stamped'), stays)
  })
  await asOwner(async (ask) => {
    await bill(ask, invoice, '2026-01-01', '2026-02-01')
    await addLine(ask, 1)
    await ask('delete from invoice_lines where invoice_id = $1', [invoice])
    assert.equal((await ask('delete from invoices where id = $1 returning 1', [invoice])).length, 1)
  })
})

const broken: Record<string, (ask: Ask) => Promise<unknown>> = {
  'invoice-adds-up': (ask) => bill(ask, invoice, '2026-01-01', '2026-02-01', 'stamped'),
  'paid-is-paid': (ask) => bill(ask, invoice, '2026-01-01', '2026-02-01', 'paid'),
  'meter-never-runs-back': (ask) =>
    ask(`update meter_readings set value_m3 = 0 where meter_id = $1 and read_at >= '2026-04-01'`, [meter]),
  'tariff-blocks-join': (ask) =>
    ask(`update tariff_schedules set blocks = jsonb_set(blocks, '{1,from_m3}', '11') where tenant_id = $1`, [cea]),
  'months-made-in-time': (ask) =>
    ask(`insert into domain_events (tenant_id, occurred_at, type) values ($1, '2040-01-01', 'late')`, [cea]),
}

for (const [name, breakIt] of Object.entries(broken)) {
  test(`the invariant ${name} finds what breaks it`, async () => {
    await asOwner(async (ask) => {
      await breakIt(ask)
      const rows = await ask(database.plan.database?.invariants[name]?.sql ?? 'select 1 where false')
      assert.equal(rows.length, 1)
    })
  })
}

test('every invariant of the plan is shown to find what breaks it', () => {
  assert.deepEqual(Object.keys(broken).toSorted(), Object.keys(database.plan.database?.invariants ?? {}).toSorted())
})
