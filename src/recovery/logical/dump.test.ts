import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import type { Client } from 'pg'
import { systemClock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { externalServer } from '../../postgres/external.ts'
import type { OwnedServer, Server } from '../../postgres/server.ts'
import { processMark } from '../../process.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { once } from '../repository/repository.ts'
import { verifyRepository } from '../repository/verify.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { findClientTools } from './client-tools.ts'
import { createDump, deleteDump } from './create-dump.ts'
import { dumpLayout } from './dump-layout.ts'
import { readDumpManifest } from './dump-manifest.ts'
import { listDumps } from './list-dumps.ts'
import { restoreDump } from './restore-dump.ts'
import { compareSums, sumTables } from './table-sums.ts'

const installed = await findBinaries('installed').catch(() => undefined)
const tools = installed && (await findClientTools(installed.major).catch(() => undefined))
const skip = installed && tools ? false : 'no Postgres with pg_dump is installed on this machine'

/** One of everything that a plain copy of rows would lose. */
const schema = `
  CREATE EXTENSION pgcrypto;
  CREATE EXTENSION pg_trgm;
  CREATE SCHEMA clinic;
  CREATE TYPE clinic.state AS ENUM ('open', 'done');
  CREATE TABLE clinic.patient (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant int NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (length(name) < 100),
    state clinic.state NOT NULL DEFAULT 'open',
    price numeric(10, 2), seen timestamptz, took interval, raw bytea, facts jsonb,
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED
  );
  INSERT INTO clinic.patient (tenant, name, price, seen, took, raw, facts)
    SELECT i % 3, 'n' || i, i / 7.0, timestamptz '2026-03-29 02:30Z' + i * interval '1 h', i * interval '1 min',
           decode(md5(i::text), 'hex'), jsonb_build_object('i', i) FROM generate_series(1, 500) i;
  ALTER TABLE clinic.patient ENABLE ROW LEVEL SECURITY;
  ALTER TABLE clinic.patient FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON clinic.patient TO reader USING (tenant = 1);
  CREATE INDEX ON clinic.patient USING gin (name gin_trgm_ops);
  CREATE TABLE clinic.event (at date NOT NULL, body text) PARTITION BY RANGE (at);
  CREATE TABLE clinic.event_2026 PARTITION OF clinic.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO clinic.event SELECT '2026-01-01'::date + i, 'b' FROM generate_series(0, 99) i;
  CREATE TABLE clinic.base (a int);
  CREATE TABLE clinic.child (b int) INHERITS (clinic.base);
  ALTER TABLE clinic.base ADD COLUMN c int DEFAULT 3;
  INSERT INTO clinic.child (a, b) VALUES (1, 2);
  CREATE TABLE clinic.nothing ();
  INSERT INTO clinic.nothing DEFAULT VALUES;
  CREATE SEQUENCE clinic.counter START 100 INCREMENT 5;
  SELECT nextval('clinic.counter'), nextval('clinic.counter');
  CREATE MATERIALIZED VIEW clinic.totals AS SELECT tenant, count(*) AS n FROM clinic.patient GROUP BY tenant;
  CREATE FUNCTION clinic.double(i int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 2 * i';
  CREATE FUNCTION clinic.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
  CREATE TRIGGER stamp BEFORE UPDATE ON clinic.patient FOR EACH ROW EXECUTE FUNCTION clinic.stamp();
  GRANT USAGE ON SCHEMA clinic TO reader;
  GRANT SELECT (id, name, tenant) ON clinic.patient TO reader;
  ALTER DEFAULT PRIVILEGES IN SCHEMA clinic GRANT SELECT ON TABLES TO reader;
  COMMENT ON TABLE clinic.patient IS 'who is seen';
  SELECT lo_from_bytea(4711, decode(repeat('ab', 5000), 'hex'));
  ALTER LARGE OBJECT 4711 OWNER TO clinic_owner;
`

suite('dumps', { timeout: 120_000, skip }, () => {
  let place: Place
  let server: OwnedServer
  let adminUrl = ''
  const folder = () => place.path('files')
  const dump = (options: { label?: string; server?: Server; signal?: AbortSignal } = {}) =>
    createDump({ server, repository: place.repository, clock: systemClock, folder: folder(), ...options })

  before(async () => {
    place = await makePlace('installed')
    server = await place.server()
    await withClient(server.url(), async (client) => {
      await client.query('CREATE ROLE clinic_owner LOGIN CREATEROLE')
      await client.query('CREATE ROLE reader NOINHERIT LOGIN CONNECTION LIMIT 7')
      await client.query('CREATE ROLE staff')
      await client.query('GRANT staff TO reader WITH ADMIN OPTION')
      await client.query('GRANT pg_monitor TO clinic_owner')
      await client.query(`ALTER ROLE reader SET search_path = clinic, "$user", public`)
      await client.query(`ALTER ROLE reader SET statement_timeout = '7s'`)
      await client.query(`CREATE DATABASE "Clinic A" OWNER clinic_owner`)
      await client.query(`ALTER DATABASE "Clinic A" SET timezone = 'America/Mexico_City'`)
      await client.query(`REVOKE ALL ON DATABASE "Clinic A" FROM PUBLIC`)
      await client.query(`GRANT CONNECT ON DATABASE "Clinic A" TO reader`)
      await client.query('CREATE DATABASE other')
    })
    adminUrl = server.url({ database: 'Clinic A' })
    await withClient(adminUrl, (client) => client.query(schema))
  })
  after(() => place.remove())

  const catalogue = async (client: Client) => {
    const of = async (sql: string) => (await client.query(sql)).rows
    return {
      tables: await of(
        `SELECT relname, relkind, pg_get_userbyid(relowner) AS owner, relacl::text, relrowsecurity, relforcerowsecurity,
                obj_description(oid) FROM pg_class WHERE relnamespace = 'clinic'::regnamespace ORDER BY 1, 2`,
      ),
      columns: await of(
        `SELECT attrelid::regclass::text AS relation, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                attgenerated, attacl::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
          WHERE c.relnamespace = 'clinic'::regnamespace AND attnum > 0 ORDER BY 1, 2`,
      ),
      policies: await of('SELECT * FROM pg_policies'),
      extensions: await of('SELECT extname FROM pg_extension ORDER BY 1'),
      functions: await of(
        `SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'clinic'::regnamespace ORDER BY 1`,
      ),
      triggers: await of('SELECT tgname FROM pg_trigger WHERE NOT tgisinternal'),
      defaults: await of('SELECT defaclobjtype, defaclacl::text FROM pg_default_acl'),
      roles: await of(
        `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcanlogin, rolconnlimit, rolconfig::text FROM pg_roles
          WHERE rolname NOT LIKE 'pg\\_%' ORDER BY 1`,
      ),
      members: await of(
        `SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members
          WHERE member::regrole::text NOT LIKE 'pg\\_%' ORDER BY 1, 2`,
      ),
      database: await of(
        `SELECT datname, pg_get_userbyid(datdba) AS owner, datacl::text, pg_encoding_to_char(encoding), datcollate,
                (SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
           FROM pg_database d WHERE datname = current_database()`,
      ),
      large: await of(
        'SELECT oid::text, pg_get_userbyid(lomowner) AS owner, sha256(lo_get(oid))::text FROM pg_largeobject_metadata',
      ),
      counter: await of('SELECT last_value, is_called FROM clinic.counter'),
      totals: await of('SELECT * FROM clinic.totals ORDER BY tenant'),
      tenants: await of('SELECT tenant, count(*), sum(price)::text FROM clinic.patient GROUP BY 1 ORDER BY 1'),
    }
  }

  const restored = async (to: string, binaries: 'installed' | 'embedded'): Promise<OwnedServer> => {
    const programs = await findBinaries(binaries)
    const result = await restoreDump({
      repository: place.repository,
      clock: systemClock,
      folder: folder(),
      to: place.path(to),
      at: 'latest',
      binaries: async () => programs,
    })
    return place.adopt(
      await finishRestore({
        dataDirectory: result.dataDirectory,
        binaries: programs,
        clock: systemClock,
        afterRestore: [`INSERT INTO clinic.event VALUES ('2026-12-31', 'restored')`],
        database: 'Clinic A',
        owner: 'aval',
      }),
    )
  }

  test('bring back roles, grants, owners, policies, extensions, sequences and large objects', async () => {
    const info = await dump({ label: 'all of it' })
    assert.deepEqual(
      info.databases.map(({ name }) => name),
      ['Clinic A', 'other'],
    )
    assert.ok(info.databases[0] && info.databases[0].rows === 500 + 100 + 1 + 1 + 1)
    assert.deepEqual(await listDumps(place.repository), [info])
    const wanted = await withClient(adminUrl, catalogue)
    const again = await restored('same', 'installed')
    const found = await withClient(again.url({ database: 'Clinic A' }), catalogue)
    assert.deepEqual(found, wanted)
    await again.stop()
  })

  test('leave nothing in the clear behind', async () => {
    assert.deepEqual(await readdir(folder()).catch(() => []), [])
    // Other tests make dumps in the same memory meanwhile: those of this process are told by who holds them.
    const kept = (await readdir('/dev/shm').catch(() => [])).filter((name) => name.startsWith('aval-dump-'))
    const owners = kept.map((name) => readFile(`/dev/shm/${name}/owner.json`, 'utf8').catch(() => ''))
    assert.ok(!(await Promise.all(owners)).includes(JSON.stringify(processMark(process.pid))))
    const { id } = await dump()
    for (const name of await readdir(place.path('repository', 'logical', id))) {
      assert.ok(!(await readFile(place.path('repository', 'logical', id, name))).includes('who is seen'), name)
    }
  })

  test('can be loaded into a newer Postgres', async (t) => {
    await dump()
    const newer = await findBinaries('embedded')
    t.diagnostic(`Postgres ${server.version} into ${newer.version}`)
    const again = await restored('newer', 'embedded')
    const { tenants, policies, large } = await withClient(again.url({ database: 'Clinic A' }), catalogue)
    const wanted = await withClient(adminUrl, catalogue)
    assert.deepEqual([tenants, policies, large], [wanted.tenants, wanted.policies, wanted.large])
    await again.stop()
  })

  test('are refused, with what to install, when the programs are older than the server', async () => {
    const { major, version, directory } = await findClientTools(15)
    await assert.rejects(findClientTools(major + 1, [directory]), (error) => {
      assert.ok(error instanceof AvalError && error.code === 'DUMP_TOOLS_MISSING')
      assert.match(error.message, new RegExp(`pg_restore ${major + 1} or newer; found: ${version} in ${directory}`))
      assert.match(error.next, new RegExp(`postgresql-client-${major + 1}`))
      return true
    })
    await assert.rejects(dump({ server: { ...server, major: 99 } }), { code: 'DUMP_TOOLS_MISSING' })
  })

  test('by a role that is no superuser hold what it owns, and fail rather than leave out what is hidden from it', async () => {
    const before = await listDumps(place.repository)
    await withClient(server.url(), async (client) => {
      await client.query(`CREATE ROLE tenant LOGIN PASSWORD 'managed'`)
      await client.query('CREATE DATABASE mine OWNER tenant')
    })
    const managed = await externalServer(server.url({ user: 'tenant', password: 'managed', database: 'mine' }))
    const own = 'CREATE TABLE thing (id int); INSERT INTO thing VALUES (1), (2)'
    await withClient(managed.url(), (client) => client.query(own))
    const info = await dump({ server: managed })
    assert.deepEqual(
      info.databases.map(({ name, rows }) => [name, rows]),
      [
        ['mine', 2],
        ['other', 0],
      ],
    )
    await deleteDump(place.repository, info.id)
    const hide = 'ALTER TABLE thing ENABLE ROW LEVEL SECURITY; ALTER TABLE thing FORCE ROW LEVEL SECURITY'
    await withClient(managed.url(), (client) => client.query(hide))
    await assert.rejects(dump({ server: managed }), { code: 'DUMP_UNREADABLE', message: /"thing"/ })
    await withClient(server.url(), async (client) => {
      await client.query('DROP DATABASE mine')
      await client.query('DROP ROLE tenant')
    })
    assert.deepEqual(await listDumps(place.repository), before)
  })

  test('that are broken off leave nothing', async () => {
    const before = await listDumps(place.repository)
    const stopping = new AbortController()
    const reason = new Error('enough')
    const under = dump({ signal: stopping.signal })
    stopping.abort(reason)
    await assert.rejects(under, reason)
    await assert.rejects(dump({ signal: AbortSignal.abort(reason) }), reason)
    assert.deepEqual(await listDumps(place.repository), before)
    assert.deepEqual((await verifyRepository(place.repository)).problems, [])
  })

  test('tell damage, removal and leftovers apart', async () => {
    const before = await listDumps(place.repository)
    const info = await dump({ label: 'second' })
    const file = (name: string) => place.path('repository', 'logical', info.id, name)
    const problems = async () =>
      (await verifyRepository(place.repository)).problems.map(({ key, kind, backups }) => ({ key, kind, backups }))
    const put = async (name: string, change: (whole: Buffer) => Buffer | undefined) => {
      const whole = await readFile(file(name))
      const changed = change(Buffer.from(whole))
      if (changed) await writeFile(file(name), changed)
      else await rm(file(name))
      return () => writeFile(file(name), whole)
    }
    const flip = (whole: Buffer) => {
      whole[whole.length - 20] = (whole[whole.length - 20] ?? 0) ^ 1
      return whole
    }
    for (const name of ['pack-00000', 'manifest', 'dump']) {
      const key = `logical/${info.id}/${name}`
      const undoFlip = await put(name, flip)
      const found = await problems()
      assert.deepEqual(found[0], { key, kind: 'damaged', backups: [info.id] })
      await undoFlip()
      const undoRemoval = await put(name, () => undefined)
      assert.deepEqual((await problems())[0], { key, kind: 'missing', backups: [info.id] })
      await undoRemoval()
    }
    assert.deepEqual(await problems(), [])
    await deleteDump(place.repository, info.id)
    assert.deepEqual(await problems(), [])
    assert.deepEqual(await listDumps(place.repository), before)
  })

  test('are not kept when what was loaded is not what was dumped', async () => {
    const info = await dump()
    const { repository } = place
    const manifest = await readDumpManifest(repository, info)
    const [first] = manifest.databases
    const patient = first?.tables.find(({ table }) => table === 'patient')
    assert.ok(patient)
    patient.sum = String(BigInt(patient.sum) + 1n)
    const text = Buffer.from(JSON.stringify(manifest))
    await repository.put(dumpLayout.manifest(info.id), once(text), { replace: true })
    const other = { ...info, manifest: { ...info.manifest, digest: repository.digest(text) } }
    await repository.put(dumpLayout.dump(info.id), once(Buffer.from(JSON.stringify(other))), { replace: true })
    const to = place.path('tampered')
    const binaries = async () => findBinaries('installed')
    const options = { repository, clock: systemClock, folder: folder(), to, at: 'latest', binaries } as const
    await assert.rejects(restoreDump(options), {
      code: 'RESTORE_ROWS_DIFFER',
      message: /clinic\.patient has other rows/,
    })
    const left = (await readdir(place.path())).filter((name) => name.startsWith('tampered'))
    assert.deepEqual(left, [])
    await deleteDump(repository, info.id)
  })

  test('count and sum the same rows in any order alike, and any other rows otherwise', async () => {
    await withClient(server.url({ database: 'other' }), async (client) => {
      const sumOf = async (rows: string) => {
        await client.query('RESET ALL')
        await client.query(
          `DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (b text, a int); INSERT INTO public.t ${rows}`,
        )
        return sumTables(client)
      }
      const recorded = await sumOf(`VALUES ('x', 1), ('y', 2), ('', NULL)`)
      assert.deepEqual(compareSums(recorded, await sumOf(`VALUES ('', NULL), ('y', 2), ('x', 1)`)), [])
      const others = [
        `VALUES ('x', 1), ('y', 3), ('', NULL)`,
        `VALUES ('x', 1), ('y', 2), (NULL, NULL)`,
        `VALUES ('x', 2), ('y', 1), ('', NULL)`,
      ]
      for (const rows of others) {
        assert.deepEqual(compareSums(recorded, await sumOf(rows)), ['public.t has other rows than were dumped'], rows)
      }
      const fewer = compareSums(recorded, await sumOf(`VALUES ('x', 1)`))
      assert.deepEqual(fewer, ['public.t has 1 rows instead of 3'])
      assert.deepEqual(compareSums(recorded, []), ['public.t is missing'])
    })
  })
})
