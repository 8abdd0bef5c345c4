import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import plan from '../plan.ts'
import { fillWithAccounts } from '../seed/accounts.ts'

let database: MigratedDatabase

before(async () => {
  database = await migratedDatabase(plan, resolve(import.meta.dirname, '..'))
})
after(() => database?.close())

const asOwner = (sql: string, values?: readonly unknown[]) => database.ask(database.ownerUrl, sql, values)
const fill = (seed: number) => fillWithAccounts(database.ownerUrl, { accounts: 250, readings: 12, seed })
/** Everything that a seed decides, tenant and row numbers aside. */
const fingerprint = (seed: number) =>
  asOwner(
    `SELECT md5(string_agg(p.first_name || p.paternal_surname || a.street || r.value_m3, ',' ORDER BY p.id, r.read_at)) AS told
       FROM persons p JOIN addresses a USING (tenant_id) JOIN contracts c USING (tenant_id) JOIN meters m USING (tenant_id)
         JOIN meter_readings r USING (tenant_id)
      WHERE a.person_id = p.id AND c.person_id = p.id AND m.toma_id = c.toma_id AND r.meter_id = m.id AND p.tenant_id = (SELECT id FROM tenants WHERE slug = $1)`,
    [`agua-${seed}`],
  )

test('customers come with all that belongs to them, and break no invariant', async () => {
  assert.deepEqual(await fill(7), {
    tenants: 1,
    sectores_hidraulicos: 40,
    persons: 250,
    addresses: 250,
    tomas: 250,
    meters: 250,
    contracts: 250,
    acometidas: 250,
    meter_readings: 3_000,
  })
  for (const [name, { sql }] of Object.entries(database.plan.database?.invariants ?? {}))
    assert.deepEqual(await asOwner(sql), [], name)
})

test('a seed decides every row, another seed is another utility', async () => {
  const first = await fingerprint(7)
  await fill(8)
  assert.notDeepEqual(await fingerprint(8), first)
  await asOwner(
    'TRUNCATE tenants, sectores_hidraulicos, persons, addresses, tomas, meters, contracts, acometidas, meter_readings CASCADE',
  )
  await fill(7)
  assert.deepEqual(await fingerprint(7), first)
})

test('the same rows are refused a second time, and more than there is room for at once', async () => {
  await assert.rejects(fill(7), { code: '23505' })
  const url = database.ownerUrl
  await assert.rejects(fillWithAccounts(url, { accounts: 400_001, readings: 12, seed: 1 }), RangeError)
  await assert.rejects(fillWithAccounts(url, { accounts: 1, readings: 25, seed: 1 }), RangeError)
})
