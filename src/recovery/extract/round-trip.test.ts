import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { withClient } from '../../postgres/connection.ts'
import { runOrFail, runToEnd } from '../../process.ts'
import { type Databases, makeDatabases } from './databases.fixture.ts'
import { extractRows, type Selection } from './extract-rows.ts'
import { importRows } from './import-rows.ts'
import { contentsSql, deletionSql, randomSchema, rowsSql, schemaSql } from './random-schema.fixture.ts'
import { writeSqlFile } from './sql-file.ts'

let databases: Databases
before(async () => {
  databases = await makeDatabases()
})
after(() => databases.remove())

const selection: Selection = {
  kind: 'subject',
  subject: { table: 't0', column: 'name', value: 'ana', tenant: 'user_id' },
}
const psql = await runToEnd({ program: 'psql', args: ['--version'] }).then(
  ({ code }) => code === 0,
  () => false,
)
const runs = Number(process.env['AVAL_PROPERTY_RUNS'] ?? 8)

test('of any schema, a subject comes back as it was, nobody else is touched, and the SQL says the same', async (t) => {
  if (!psql) t.diagnostic('psql is not installed: the SQL is run by the driver alone')
  const [source, target, empty] = [await databases.create(), await databases.create(), await databases.create()]
  const onAdmin = (url: string, sql: string) => withClient(url, (client) => client.query(sql))
  const file = databases.place.path('rows.sql')
  let run = 0
  await fc.assert(
    fc.asyncProperty(randomSchema, async (schema) => {
      for (const { admin, owner } of [source, target, empty]) {
        await onAdmin(admin, 'ALTER SCHEMA public OWNER TO keeper')
        await onAdmin(owner, schemaSql(schema))
      }
      await onAdmin(source.admin, rowsSql(schema))
      await onAdmin(target.admin, rowsSql(schema))
      const whole = await source.rows(contentsSql(schema))
      await onAdmin(target.admin, deletionSql(schema, 'ana'))

      await extractRows({ url: source.admin, selection }, async (extraction) => {
        assert.deepEqual(extraction.passedOver, [])
        const { tables } = await importRows(extraction, { url: target.owner })
        assert.deepEqual(await target.rows(contentsSql(schema)), whole)
        for (const { checksum, table } of tables) {
          assert.equal(checksum, extraction.tables.find((each) => each.table.sql === table)?.checksum)
        }
        await writeSqlFile(extraction, file, { after: ['UPDATE t0 SET tag = tag WHERE name = $1'] })
        assert.equal((await stat(file)).mode & 0o777, 0o600)
      })
      if (psql && run++ % 2 === 0) {
        await runOrFail({
          program: 'psql',
          args: ['-qX', '-v', 'ON_ERROR_STOP=1', '-f', file, empty.owner],
          env: process.env,
        })
      } else await onAdmin(empty.owner, await readFile(file, 'utf8'))
      const ana = contentsSql(schema, `t.tag = 'ana'`)
      assert.deepEqual(await empty.rows(ana), await source.rows(ana))
      assert.deepEqual(await empty.rows(contentsSql(schema, `t.tag = 'ben'`)), [])
    }),
    { numRuns: runs },
  )
})
