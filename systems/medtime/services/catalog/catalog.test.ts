import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { z } from 'zod'
import { systemClock } from '../../../../src/clock.ts'
import { withClient } from '../../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../../src/postgres/database.ts'
import { startCollector } from '../../../../src/receivers/collector.ts'
import { type RunningService, startService } from '../../exercise/processes.ts'
import plan from '../../plan.ts'
import { catalogFile, withoutFiles } from '../../test/catalog-files.ts'
import { migrate, startTestServer, type TestServer } from '../../test/database.ts'

let server: TestServer
let folder: string
let count = 0
before(async () => {
  server = await startTestServer()
  await migrate((await server.createDatabase('migrated')).ownerUrl)
  folder = await mkdtemp(join(tmpdir(), 'catalog-service-'))
  await mkdir(join(folder, 'downloads'))
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const head = 'ApplNo,ProductNo,Form,Strength,ReferenceDrug,DrugName,ActiveIngredient,ReferenceStandard'
const list = (...substances: string[]) =>
  `${[head, ...substances.map((substance, index) => `${index + 1},1,TABLET;ORAL,5MG,0,BRAND${index},${substance},0`)].join('\r\n')}\r\n`

const database = () => server.copyDatabase('migrated', `catalog_${count++}`)
const asAdmin = <T>({ adminUrl }: PreparedDatabase, work: (client: Client) => Promise<T>) => withClient(adminUrl, work)

const startOver = (prepared: PreparedDatabase, environment: Record<string, string>) =>
  startService('catalog', {
    DATABASE_URL: prepared.roleUrl('medtime_catalog'),
    TMPDIR: join(folder, 'downloads'),
    ...environment,
  })

/** Runs the service over a database, and ends it with the test. */
async function running<T>(
  prepared: PreparedDatabase,
  environment: Record<string, string>,
  work: (service: RunningService) => Promise<T>,
): Promise<T> {
  const service = await startOver(prepared, environment)
  try {
    return await work(service)
  } finally {
    await service.stop()
  }
}

/** A publisher of lists on this machine; how often it was asked is told. */
async function publishing<T>(
  answer: RequestListener,
  work: (address: string, asked: () => number) => Promise<T>,
): Promise<T> {
  let asked = 0
  const publisher = createServer((request, response) => {
    asked++
    return answer(request, response)
  })
  await new Promise<void>((resolve) => publisher.listen(0, '127.0.0.1', resolve))
  const { port } = z.object({ port: z.number() }).parse(publisher.address())
  try {
    return await work(`http://127.0.0.1:${port}`, () => asked)
  } finally {
    publisher.closeAllConnections()
    await new Promise((resolve) => publisher.close(resolve))
  }
}

const told = z.object({
  sources_configured: z.number(),
  sources: z.array(
    z.object({
      source: z.string(),
      overdue: z.boolean(),
      last: z.string().nullable(),
      error_code: z.string().nullable(),
      failures: z.number(),
    }),
  ),
})
const sourcesOf = async ({ address }: RunningService) => told.parse(await (await fetch(`${address}/sources`)).json())
const sourceOf = async (service: RunningService, source: string) =>
  (await sourcesOf(service)).sources.find((each) => each.source === source)
/** Asks until there is an answer that is neither undefined nor false. */
async function until<T>(ask: () => Promise<T | undefined>, patienceMs = 30_000): Promise<T> {
  const deadline = systemClock.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (systemClock.now() > deadline) throw new Error('it did not come to pass in time')
    await systemClock.sleep(20)
  }
}

/** What a source tells once the last look at it ended in one of these ways. */
const looked = (service: RunningService, source: string) =>
  until(async () => {
    const found = await sourceOf(service, source)
    return found?.last === null ? undefined : found
  })
const looks = (prepared: PreparedDatabase) =>
  asAdmin(prepared, async (client) => {
    const { rows } = await client.query<{ look: string }>(
      `SELECT source || ' ' || outcome || coalesce(' ' || error_code, '') AS look FROM srv_catalog_looks
       WHERE source <> 'starter' ORDER BY id`,
    )
    return rows.map(({ look }) => look)
  })
const version = (prepared: PreparedDatabase) =>
  asAdmin(prepared, async (client) => {
    const { rows } = await client.query<{ version: number; held: boolean }>(
      `SELECT version, medicines = (SELECT count(*) FROM srv_catalog_medicines WHERE until IS NULL) AS held
       FROM srv_catalog_versions ORDER BY version DESC LIMIT 1`,
    )
    assert.equal(rows[0]?.held, true, 'the catalog is whole')
    return rows[0].version
  })
const invariant = plan.database?.invariants?.['catalog-in-time']?.sql ?? ''
const late = (prepared: PreparedDatabase) =>
  asAdmin(prepared, async (client) =>
    (await client.query<{ source: string }>(invariant)).rows.map(({ source }) => source),
  )

test('without a configured source it says so, serves, and looks after the starter catalog', async () => {
  const prepared = await database()
  assert.deepEqual(await late(prepared), ['starter'], 'nothing runs it yet')
  await running(prepared, {}, async (service) => {
    const { sources_configured, sources } = await sourcesOf(service)
    assert.equal(sources_configured, 0)
    assert.deepEqual(
      sources,
      [{ source: 'starter', overdue: false, last: 'imported', error_code: null, failures: 0 }].map((starter) => ({
        ...sources[0],
        ...starter,
      })),
    )
    assert.match(service.said(), /"event":"catalog_without_sources"/)
    assert.match(
      await (await fetch(`${service.address}/metrics`)).text(),
      /catalog_looks_total\{source="starter",outcome="imported"\} 1/,
    )
  })
  assert.deepEqual([await late(prepared), await version(prepared)], [[], 1])
})

test('a list behind an address is taken in when it is due, told as unchanged when it is, and not asked for in between', async (t) => {
  const prepared = await database()
  let published = list('ZYNTHORINE', 'QUEMBLOXINE')
  await publishing(
    (_, response) => response.end(published),
    async (address, asked) => {
      const environment = { CATALOG_DRUGS_AT_FDA: `${address}/products.csv` }
      const weekLater = () =>
        asAdmin(prepared, (client) =>
          client.query(`UPDATE srv_catalog_sources SET checked_at = checked_at - interval '7 days 1 hour'`),
        )
      await running(prepared, environment, async (service) => {
        assert.equal((await looked(service, 'drugs-at-fda'))?.last, 'imported')
      })
      assert.deepEqual([await version(prepared), asked()], [2, 1])
      await running(prepared, environment, (service) => sourcesOf(service))
      assert.equal(asked(), 1, 'not due')
      await weekLater()
      await running(prepared, environment, (service) =>
        until(async () => (await sourceOf(service, 'drugs-at-fda'))?.last === 'unchanged'),
      )
      published = list('ZYNTHORINE', 'QUEMBLOXINE', 'VORTILAX')
      await weekLater()
      const collector = await startCollector()
      t.after(() => collector.stop())
      await running(prepared, { ...environment, TELEMETRY_OTLP: collector.origin }, (service) =>
        until(async () => (await sourceOf(service, 'drugs-at-fda'))?.last === 'imported'),
      )
      const look = collector.spans.find(
        ({ attributes: [job] }) => JSON.stringify(job?.value) === '{"stringValue":"catalog-drugs-at-fda"}',
      )
      const within = collector.spans.filter(({ parentSpanId }) => parentSpanId === look?.spanId)
      assert.ok(look !== undefined && within.length > 3 && within.every(({ name }) => name === 'statement'))
    },
  )
  assert.deepEqual(await looks(prepared), ['drugs-at-fda imported', 'drugs-at-fda unchanged', 'drugs-at-fda imported'])
  assert.equal(await version(prepared), 3)
})

test('what cannot be had is noted under a code of its own, is not tried again at once, and keeps no other back', async () => {
  const prepared = await database()
  const redirect = 'http://198.51.100.1/elsewhere'
  await publishing(
    (request, response) => {
      if (request.url === '/missing') response.writeHead(404).end()
      else if (request.url === '/broken') response.writeHead(500).end()
      else if (request.url === '/away/RXNCONSO.RRF') response.writeHead(302, { location: redirect }).end()
      else if (request.url === '/slow') response.write('a')
      else response.end('x'.repeat(200_000))
    },
    async (address, asked) => {
      await writeFile(join(folder, 'fda.csv'), list('ZYNTHORINE'))
      const environment = {
        CATALOG_EMA: `${address}/missing`,
        CATALOG_RXNORM: `${address}/away/`,
        CATALOG_COFEPRIS: `${address}/broken`,
        CATALOG_COFEPRIS_LISTS: join(folder, 'nowhere'),
        CATALOG_EMA_RXNORM: `${address}/large`,
        CATALOG_DRUGS_AT_FDA: join(folder, 'fda.csv'),
        CATALOG_MAX_BYTES: '100000',
      }
      await running(prepared, environment, async (service) => {
        await until(async () => (await sourcesOf(service)).sources.every(({ last }) => last !== null))
        assert.equal((await sourceOf(service, 'ema'))?.error_code, 'SOURCE_MISSING')
        assert.equal((await fetch(`${service.address}/health/ready`)).status, 200)
        assert.match(service.said(), /"job":"catalog-ema","error_code":"SOURCE_MISSING"/)
        assert.doesNotMatch(service.said(), new RegExp(address))
      })
      assert.deepEqual((await looks(prepared)).sort(), [
        'cofepris failed SOURCE_UNREACHABLE',
        'cofepris-lists failed SOURCE_MISSING',
        'drugs-at-fda imported',
        'ema failed SOURCE_MISSING',
        'ema-rxnorm failed SOURCE_TOO_LARGE',
        'rxnorm failed SOURCE_UNREACHABLE',
      ])
      assert.equal(asked(), 4, 'each once')
      const slow = { CATALOG_EMA: `${address}/slow`, CATALOG_TIMEOUT_SECONDS: '1' }
      await running(prepared, slow, (service) =>
        until(async () => (await sourceOf(service, 'ema'))?.error_code === 'SOURCE_TOO_SLOW'),
      )
      await writeFile(join(folder, 'ema.csv'), 'this is no list\n')
      await running(prepared, { CATALOG_EMA: join(folder, 'ema.csv') }, async (service) => {
        await until(async () => (await sourceOf(service, 'ema'))?.error_code === 'SOURCE_REFUSED')
        assert.equal((await sourceOf(service, 'ema'))?.failures, 3)
      })
    },
  )
  assert.equal(await version(prepared), 2)
  assert.deepEqual(
    (await readdir(tmpdir())).filter((name) => name.startsWith('medtime-catalog-')),
    [],
    'no download is left',
  )
})

test('of two instances that find a source due at once, one takes it in, once', async () => {
  const prepared = await database()
  const both = Promise.withResolvers<void>()
  await publishing(
    async (_, response) => {
      await both.promise
      response.end(list('ZYNTHORINE'))
    },
    async (address, asked) => {
      const environment = { CATALOG_DRUGS_AT_FDA: `${address}/products.csv` }
      await running(prepared, environment, (one) =>
        running(prepared, environment, async (other) => {
          await until(async () => asked() > 0)
          both.resolve()
          for (const each of [one, other]) await looked(each, 'drugs-at-fda')
        }),
      )
      assert.equal(asked(), 1)
    },
  )
  assert.deepEqual(await looks(prepared), ['drugs-at-fda imported'])
})

test('killed in the middle of an import it leaves the old catalog, and the next instance makes up for it', async () => {
  const prepared = await database()
  await writeFile(join(folder, 'killed.csv'), list('ZYNTHORINE', 'QUEMBLOXINE'))
  const environment = { CATALOG_DRUGS_AT_FDA: join(folder, 'killed.csv') }
  await asAdmin(prepared, async (holder) => {
    // Readers pass this lock, and the import waits at it with half of its work done.
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE srv_catalog_versions IN SHARE MODE')
    const service = await startOver(prepared, environment)
    await until(() =>
      asAdmin(prepared, async (client) => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND application_name = 'medtime-catalog-import'`,
        )
        return rowCount === 1
      }),
    )
    await service.stop('SIGKILL')
    await holder.query('COMMIT')
  })
  assert.deepEqual([await version(prepared), await looks(prepared)], [1, []])
  await running(prepared, environment, async (service) => {
    assert.equal((await looked(service, 'drugs-at-fda'))?.last, 'imported')
  })
  assert.equal(await version(prepared), 2)
})

test('asked to end it does so at once, in the middle of a download', async () => {
  const prepared = await database()
  await publishing(
    (_, response) => {
      response.write(head)
    },
    async (address, asked) => {
      const environment = { CATALOG_DRUGS_AT_FDA: `${address}/products.csv` }
      await running(prepared, environment, async (service) => {
        await until(async () => asked() === 1)
        await service.stop('SIGTERM')
        assert.match(service.said(), /"event":"stopped"/)
      })
    },
  )
  assert.deepEqual([await looks(prepared), await version(prepared)], [[], 1])
})

test('a configured source that stays away is seen as late by the invariant, and one that was given up is not', async () => {
  const prepared = await database()
  const configured = { CATALOG_EMA: join(folder, 'nowhere') }
  await running(prepared, configured, (service) => looked(service, 'ema'))
  assert.deepEqual(await late(prepared), [])
  await asAdmin(prepared, (client) => client.query(`UPDATE srv_catalog_duties SET since = since - interval '34 days'`))
  await running(prepared, configured, (service) => until(async () => (await sourceOf(service, 'ema'))?.failures === 2))
  assert.deepEqual(await late(prepared), ['ema'], 'a start does not make it owed from then on')
  await running(prepared, {}, (service) => sourcesOf(service))
  assert.deepEqual(await late(prepared), [])
})

test('the published lists are taken in from their folder', {
  skip: withoutFiles('ema_medicines.csv', 'sat_mx_medicamentos_51.csv'),
}, async () => {
  const prepared = await database()
  const place = catalogFile('')
  await running(prepared, { CATALOG_EMA: place, CATALOG_COFEPRIS: place }, async (service) => {
    await until(async () => (await sourcesOf(service)).sources.every(({ last }) => last !== null), 60_000)
  })
  assert.deepEqual((await looks(prepared)).sort(), ['cofepris imported', 'ema imported'])
  assert.deepEqual([(await version(prepared)) > 2, await late(prepared)], [true, []])
})
