import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Pool } from 'pg'
import { type MigratedDatabase, migratedDatabase } from '../../../test/migrated-database.ts'
import { idOf } from '../exercise/ids.ts'
import plan from '../plan.ts'
import { type TenantContext, TenantMissing, TenantMixed, tenantContext } from '../tenancy/tenant-context.ts'

const connections = 5
const clinics = Array.from({ length: 1_000 }, (_, index) => idOf(`clinic ${index}`))
const [rose = '', lily = ''] = clinics

let database: MigratedDatabase
let pool: Pool
let context: TenantContext

before(async () => {
  database = await migratedDatabase(plan, resolve(import.meta.dirname, '..'))
  await database.ask(
    database.ownerUrl,
    `insert into tenants (id, slug, name) select id, id::text, 'Clinic' from unnest($1::uuid[]) as id`,
    [clinics],
  )
  await database.ask(
    database.ownerUrl,
    `insert into clients ("tenantId", name) select id, 'Client of ' || id from unnest($1::uuid[]) as id`,
    [clinics],
  )
  pool = new Pool({ connectionString: database.roleUrl('bloom_api'), max: connections })
  context = tenantContext(pool)
})

after(async () => {
  await pool.end()
  await database.close()
})

const names = async (query: Parameters<Parameters<TenantContext['transaction']>[0]>[0]) =>
  (await query<{ name: string }>('select name from clients')).map(({ name }) => name)

/** What a request does: it adds a client, does something else for a while, and looks, in a transaction that some give up. */
const request = (clinic: string, fails: boolean) =>
  context.asTenant(clinic, async () => {
    await turn()
    return context
      .transaction(async (query) => {
        await query('insert into clients ("tenantId", name) values ($1, $2)', [
          context.currentTenant(),
          `New of ${clinic}`,
        ])
        await turn()
        const seen = await names(query)
        if (fails) throw new Error('the request was given up')
        return seen
      })
      .catch(() => [])
  })

test(`${clinics.length} interleaved clinics on ${connections} connections see and write their own alone`, async () => {
  const seen = await Promise.all(clinics.map((clinic, index) => request(clinic, index % 3 === 0)))
  assert.equal(pool.totalCount, connections)
  const kept = await database.ask(
    database.ownerUrl,
    'select "tenantId" as clinic, array_agg(name order by name) as names from clients group by 1',
  )
  assert.equal(kept.length, clinics.length)
  const namesOf = new Map(kept.map((row) => [row['clinic'], row['names']]))
  for (const [index, clinic] of clinics.entries()) {
    const [old, added] = [`Client of ${clinic}`, `New of ${clinic}`]
    const fails = index % 3 === 0
    assert.deepEqual(seen[index]?.toSorted(), fails ? [] : [old, added])
    assert.deepEqual(namesOf.get(clinic), fails ? [old] : [old, added])
  }
})

describe('a connection that served a clinic', () => {
  test('serves nobody who names none', async () => {
    const single = new Pool({ connectionString: database.roleUrl('bloom_api'), max: 1 })
    const one = tenantContext(single)
    const withoutClinic = async () => {
      const client = await single.connect()
      await assert.rejects(client.query('select * from clients'), /no clinic is named/)
      client.release()
    }
    await one.asTenant(rose, () => one.transaction(names))
    await withoutClinic()
    await one.asTenant(rose, () =>
      assert.rejects(
        one.transaction((query) => query('select 1 / 0')),
        /by zero/,
      ),
    )
    await withoutClinic()
    assert.equal(single.totalCount, 1)
    await single.end()
  })

  test('answers nothing to whoever kept it beyond the transaction', async () => {
    let kept: Parameters<typeof names>[0] | undefined
    await context.asTenant(rose, () =>
      context.transaction(async (query) => {
        kept = query
      }),
    )
    await context.asTenant(lily, () =>
      context.transaction(async () => {
        assert.ok(kept)
        await assert.rejects(names(kept), /the transaction has ended/)
      }),
    )
  })

  test('is given up when it breaks, and the next request gets another', async () => {
    const broken = context.asTenant(rose, () =>
      context.transaction(async (query) => {
        const [row] = await query<{ pid: number }>('select pg_backend_pid() as pid')
        // A role may end the sessions of its own.
        await pool.query('select pg_terminate_backend($1)', [row?.pid])
        return names(query)
      }),
    )
    await assert.rejects(broken)
    assert.ok((await context.asTenant(rose, () => context.transaction(names))).includes(`Client of ${rose}`))
  })
})

test('connections that are lost while nobody uses them hinder nobody', async () => {
  const [row] = await database.ask(
    database.adminUrl,
    `select count(pg_terminate_backend(pid, 10000))::int as lost from pg_stat_activity
     where usename = 'bloom_api' and state = 'idle'`,
  )
  assert.ok(Number(row?.['lost']) > 0)
  const deadline = Date.now() + 10_000
  while (pool.totalCount > 0 && Date.now() < deadline) await turn()
  assert.equal(pool.totalCount, 0, 'each has left the pool')
  assert.ok((await context.asTenant(rose, () => context.transaction(names))).includes(`Client of ${rose}`))
})

describe('work without a clinic, or for two at once', () => {
  test('is refused before any connection is taken', async () => {
    await assert.rejects(context.transaction(names), TenantMissing)
    await assert.rejects(
      context.asTenant('', () => context.transaction(names)),
      TenantMissing,
    )
    assert.throws(() => context.currentTenant(), TenantMissing)
  })

  test('is refused within a transaction of another, which would wait for a connection that it holds itself', async () => {
    await context.asTenant(rose, () =>
      context.transaction(() => context.asTenant(lily, () => assert.rejects(context.transaction(names), TenantMixed))),
    )
  })
})

test('a transaction within one joins it: both are kept or neither', async () => {
  const add = (name: string) =>
    context.transaction((query) => query('insert into clients ("tenantId", name) values ($1, $2)', [rose, name]))
  await context.asTenant(rose, async () => {
    await assert.rejects(
      context.transaction(async () => {
        await add('Inner')
        throw new Error('the outer one fails')
      }),
      /the outer one fails/,
    )
    assert.ok(!(await context.transaction(names)).includes('Inner'))
  })
})

test('a transaction whose failed statement was swallowed is no success', async () => {
  await context.asTenant(rose, () =>
    assert.rejects(
      context.transaction(async (query) => {
        await query('insert into clients ("tenantId", name) values ($1, $2)', [rose, 'Never'])
        await query('select 1 / 0').catch(() => undefined)
      }),
      /was rolled back/,
    ),
  )
})
