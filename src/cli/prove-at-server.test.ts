import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { withClient } from '../postgres/connection.ts'
import { loadSystem } from '../project/load-system.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const variable = `AVAL_TEST_PRODUCTION_${process.pid}`
const evidenceOf = z.array(z.looseObject({ guarantee: z.string(), verdict: z.string(), reason: z.string() }))

suite('aval prove --env', () => {
  let tiny: TinyProject
  let environment: Environment
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const asAdmin = (sql: string) =>
    withClient(environment.server.url({ database: environment.database.name }), (client) => client.query(sql))
  const found = async (...argv: string[]) => {
    const { out, code } = await aval('prove', 'tiny', '--env', 'production', '--json', ...argv)
    const byId = new Map(evidenceOf.parse(JSON.parse(out)).map((each) => [each.guarantee, each]))
    return { code, of: (id: string) => byId.get(`${id}@production`) }
  }

  before(async () => {
    tiny = await tinyProject(
      { promises: { kept: { claim: 'An item is kept' } } },
      {
        database: {
          version: '>=15',
          size: '1GB',
          servers: { development: 'embedded', production: { external: variable } },
          roles: { tiny_keeper: { purpose: 'What the keeper connects as.' } },
          migrations: { layout: 'supabase', directory: 'migrations' },
          seed: 'seed.sql',
          rowSecurity: { tables: 'all', tenant: 'name' },
          invariants: {
            short: { claim: 'No name is long', sql: 'SELECT name FROM items WHERE length(name) > 30' },
            written: { claim: 'A question that writes', sql: 'SELECT pg_catalog.lo_create(0)' },
          },
        },
      },
    )
    environment = await startEnvironment({
      system: await loadSystem(tiny.project, 'tiny'),
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => undefined,
    })
    process.env[variable] = environment.database.ownerUrl
    await asAdmin('ANALYZE items')
  })
  after(async () => {
    delete process.env[variable]
    await environment?.stop()
    await tiny?.remove()
  })

  test('asks what reading tells, and says of the rest what it would take', async () => {
    const { code, of } = await found()
    assert.equal(code, 1)
    assert.equal(of('integrity/database/short')?.verdict, 'proven')
    assert.equal(of('isolation/database/rows')?.verdict, 'refuted')
    assert.match(of('isolation/database/rows')?.reason ?? '', /has no row security on items/)
    assert.equal(of('behaviour/keeper/kept')?.verdict, 'inconclusive')
    assert.match(of('behaviour/keeper/kept')?.reason ?? '', /services that it may start/)
  })

  test('refuses a question that would write', async () => {
    const { of } = await found('--only', 'integrity/database/written')
    assert.equal(of('integrity/database/written')?.verdict, 'inconclusive')
    assert.match(of('integrity/database/written')?.reason ?? '', /would write: .*read-only transaction/)
  })

  test('finds a row that breaks a claim', async () => {
    await asAdmin(`INSERT INTO items VALUES (repeat('x', 40))`)
    assert.equal((await found('--only', 'integrity/database/short')).of('integrity/database/short')?.verdict, 'refuted')
    await asAdmin(`DELETE FROM items WHERE length(name) > 30`)
    const { code, of } = await found('--only', 'integrity/database/short')
    assert.equal(of('integrity/database/short')?.verdict, 'proven')
    assert.equal(code, 0)
  })

  test('does not take rows that are hidden from it for rows that are not there', async () => {
    process.env[variable] = environment.databaseUrl({ role: 'tiny_keeper' })
    await asAdmin('ALTER TABLE items ENABLE ROW LEVEL SECURITY')
    try {
      const { code, of } = await found('--only', 'integrity/database/short')
      assert.equal(code, 3)
      assert.match(of('integrity/database/short')?.reason ?? '', /row security hides rows/)
    } finally {
      await asAdmin('ALTER TABLE items DISABLE ROW LEVEL SECURITY')
      process.env[variable] = environment.database.ownerUrl
    }
  })

  test('proves nothing by a catalog in order, and says so', async () => {
    await asAdmin('ALTER TABLE items ENABLE ROW LEVEL SECURITY')
    try {
      const { of } = await found('--only', 'isolation')
      assert.equal(of('isolation/database/rows')?.verdict, 'inconclusive')
      assert.match(of('isolation/database/rows')?.reason ?? '', /whether its policies hold was not tried/)
    } finally {
      await asAdmin('ALTER TABLE items DISABLE ROW LEVEL SECURITY')
    }
  })

  test('never stands in for a proof in a scratch environment', async () => {
    await found('--only', 'integrity/database/short')
    const { out } = await aval('guarantees', 'tiny', '--json')
    const listed = z.array(z.looseObject({ id: z.string(), verdict: z.string() })).parse(JSON.parse(out))
    assert.equal(listed.find(({ id }) => id === 'integrity/database/short')?.verdict, 'unproven')
  })

  test('tells a person each reason once, and nobody the URL', async () => {
    const { out, err } = await aval('prove', 'tiny', '--env', 'production')
    assert.match(out, /tiny, production: the server of AVAL_TEST_PRODUCTION_\d+, read and not written to/)
    assert.match(
      out,
      /\nmigration\/database\/applies@production\n {2}It cannot be proven by reading alone: it takes an empty server/,
    )
    assert.ok(!`${out}${err}`.includes('postgres://') && !`${out}${err}`.includes('postgresql://'))
  })

  test('takes no server that the plan does not name, nor the one for development', async () => {
    for (const name of ['staging', 'development']) {
      const { code, err } = await aval('prove', 'tiny', '--env', name)
      assert.equal(code, 2)
      assert.match(err, /^MIGRATE_NO_SERVER: /)
    }
    delete process.env[variable]
    const unset = await aval('prove', 'tiny', '--env', 'production')
    process.env[variable] = environment.database.ownerUrl
    assert.equal(unset.code, 2)
    assert.match(unset.err, /^MIGRATE_NO_URL: /)
  })
})
