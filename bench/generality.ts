import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { findBinaries } from '../src/postgres/binaries.ts'
import { withClient } from '../src/postgres/connection.ts'
import { startServer } from '../src/postgres/launch.ts'
import { applyMigrations } from '../src/postgres/migrations/apply.ts'
import { readMigrations } from '../src/postgres/migrations/read.ts'
import { temporaryPlace } from '../src/postgres/place.ts'
import plan from '../systems/supra-water/plan.ts'
import { fillWithAccounts } from '../systems/supra-water/seed/accounts.ts'
import { migratedDatabase } from '../test/migrated-database.ts'

/*
 * What a repository of any size asks of Aval: `node bench/generality.ts [accounts] [files]`. Migration files are read, parsed and applied one by one, each in a transaction of
 * its own with its record; the customers of SUPRA Water are made and copied in with every constraint on.
 */
const accounts = Number(process.argv[2] ?? 400_000)
const files = Number(process.argv[3] ?? 400)
const readings = 12

const seconds = (since: number) => ((performance.now() - since) / 1_000).toFixed(1)

await applyFiles()
await fill()

async function applyFiles(): Promise<void> {
  const place = await temporaryPlace('aval-bench')
  const server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  try {
    const directory = join(place.path, 'migrations')
    await mkdir(directory)
    for (let n = 1; n <= files; n++) {
      const name = `${20260101000000 + n}_t${n}.sql`
      const former = n === 1 ? '' : `, former bigint REFERENCES t${n - 1} (id)`
      const text = [
        `CREATE TABLE t${n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL${former});`,
        `CREATE INDEX ON t${n} (name);`,
        `CREATE FUNCTION f${n}() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM t${n} $$;`,
        `ALTER TABLE t${n} ENABLE ROW LEVEL SECURITY;`,
      ]
      await writeFile(join(directory, name), `${text.join('\n')}\n`)
    }
    await withClient(server.url(), async (client) => {
      await client.query('CREATE ROLE bench_owner LOGIN PASSWORD $$bench$$')
      await client.query('CREATE DATABASE bench OWNER bench_owner')
    })
    const url = new URL(server.url({ database: 'bench' }))
    url.username = 'bench_owner'
    url.password = 'bench'
    const began = performance.now()
    await applyMigrations(url.href, await readMigrations('supabase', directory))
    console.log(`${files} migration files of 4 statements read and applied in ${seconds(began)} s`)
  } finally {
    await server.stop()
    await place.remove()
  }
}

async function fill(): Promise<void> {
  const database = await migratedDatabase(plan, resolve(import.meta.dirname, '../systems/supra-water'))
  try {
    const began = performance.now()
    const written = await fillWithAccounts(database.ownerUrl, { accounts, readings, seed: 7 })
    const [size] = await database.ask(
      database.adminUrl,
      'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
    )
    const [version] = await database.ask(database.adminUrl, 'SHOW server_version')
    console.log(
      `${accounts} accounts and ${written['meter_readings']} readings made and loaded in ${seconds(began)} s (${JSON.stringify(size)}, ${JSON.stringify(version)}, Node ${process.versions.node}, peak ${Math.round(process.resourceUsage().maxRSS / 1024)} MB)`,
    )
  } finally {
    await database.close()
  }
}
