import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { rowSecurity } from '../../plan/row-security.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import { type TemporaryPlace, temporaryPlace } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { judge } from './hole.ts'
import { type IsolationResult, isolate } from './isolate.ts'

let place: TemporaryPlace
let server: OwnedServer
let count = 0

before(async () => {
  place = await temporaryPlace('aval-test')
  server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  await withClient(server.url(), (client) =>
    client.query('CREATE ROLE app; CREATE ROLE shop_owner; CREATE ROLE vip NOLOGIN'),
  )
})
after(async () => {
  await server.stop('immediate')
  await place.remove()
})

/** Attacks a database that holds nothing but these statements, run by the owner of the schema. */
async function attacked(
  schema: string,
  plan: { tenant: string; identity?: Record<string, string>; except?: Record<string, string> },
  roles: readonly string[] = ['app'],
): Promise<IsolationResult> {
  count += 1
  const name = `isolation_${count}`
  await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${name} OWNER shop_owner`))
  const adminUrl = server.url({ database: name })
  await withClient(adminUrl, (client) =>
    client.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC; SET SESSION AUTHORIZATION shop_owner; ${schema}`),
  )
  return isolate({
    adminUrl,
    owner: 'shop_owner',
    roles,
    rowSecurity: rowSecurity.parse({ tables: 'all', ...plan }),
    seed: 7,
  })
}

const found = ({ holes }: IsolationResult) =>
  [...new Set(holes.map(({ role, way, on }) => `${role} ${way} ${on}`))].toSorted()

const guard = (table: string, condition: string) => `
  ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON ${table} USING (${condition}) WITH CHECK (${condition});
  GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO app;`

/** As Supabase does it: claims of a token, and a function that reads them. */
const supabase = `
  CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth, public TO app;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE TYPE state AS ENUM ('draft', 'sent');
  CREATE DOMAIN code AS text CHECK (value ~ '^[A-Z]{3}$');
  CREATE TABLE notes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL, state state NOT NULL, body text NOT NULL,
    size int NOT NULL CHECK (size BETWEEN 3 AND 5), doubled int GENERATED ALWAYS AS (size * 2) STORED, UNIQUE (user_id, id));
  CREATE TABLE lines (
    user_id uuid NOT NULL, note_id uuid NOT NULL, place int NOT NULL, PRIMARY KEY (user_id, note_id, place),
    FOREIGN KEY (user_id, note_id) REFERENCES notes (user_id, id));
  ${guard('notes', 'user_id = (SELECT auth.uid())')} ${guard('lines', 'user_id = (SELECT auth.uid())')}`

/** As Prisma does it: camel case, a setting of one's own, an error where nobody is named. */
const prisma = `
  GRANT USAGE ON SCHEMA public TO app;
  CREATE TABLE tenants (id text PRIMARY KEY, name text NOT NULL);
  CREATE TABLE clients ("tenantId" text NOT NULL REFERENCES tenants (id), id text NOT NULL, email text NOT NULL,
    PRIMARY KEY ("tenantId", id), UNIQUE ("tenantId", email));
  ${guard('tenants', `id = current_setting('app.current_tenant')`)}
  ${guard('clients', `"tenantId" = current_setting('app.current_tenant')`)}`

/** As Drizzle does it: tenants of whole numbers, partitions by month. */
const drizzle = `
  GRANT USAGE ON SCHEMA public TO app;
  CREATE TABLE tenants (id int PRIMARY KEY);
  CREATE TABLE readings (tenant_id int NOT NULL REFERENCES tenants (id), meter int NOT NULL, at timestamptz NOT NULL, value numeric(12,3) NOT NULL,
    PRIMARY KEY (tenant_id, meter, at)) PARTITION BY RANGE (at);
  CREATE TABLE readings_june PARTITION OF readings FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
  ${guard('tenants', `id = current_setting('app.tenant_id', true)::int`)}
  ${guard('readings', `tenant_id = current_setting('app.tenant_id', true)::int`)}
  ${guard('readings_june', `tenant_id = current_setting('app.tenant_id', true)::int`)}`

const sound = {
  supabase: [supabase, 'user_id'],
  prisma: [prisma, 'tenantId'],
  drizzle: [drizzle, 'tenant_id'],
} as const

describe('a schema that keeps tenants apart', () => {
  for (const [layout, [schema, tenant]] of Object.entries(sound))
    test(`shows no hole, as ${layout} does it`, async () => {
      const result = await attacked(schema, { tenant })
      assert.deepEqual(found(result), [])
      assert.deepEqual(result.unmade, [])
      assert.equal(result.controlled, true)
      assert.equal(result.settings.length, 1)
    })
})

describe('a schema that leaks', () => {
  test('is found by an owner who serves clients and is not bound', async () => {
    const schema = supabase.replaceAll('FORCE ROW', 'ENABLE ROW')
    assert.ok(found(await attacked(schema, { tenant: 'user_id' }, [])).includes('shop_owner unguarded notes'))
  })

  test('is told of without a value of any row', async () => {
    const secret =
      "CREATE TABLE plain (user_id uuid NOT NULL, body text NOT NULL CHECK (body = 'planted-here')); GRANT ALL ON plain TO app"
    const result = await attacked(`${supabase}; ${secret}`, { tenant: 'user_id' })
    assert.ok(found(result).includes('app read plain'))
    assert.doesNotMatch(JSON.stringify(result.holes), /planted-here/)
  })
})

describe('what cannot be judged', () => {
  test('a table into which no row fits is named, and the others are attacked', async () => {
    const odd = `CREATE TABLE odd (user_id uuid NOT NULL, a int NOT NULL CHECK (a * a = 1234321)); ${guard('odd', 'user_id = auth.uid()')}`
    const result = await attacked(`${supabase}; ${odd}; CREATE POLICY o ON notes FOR SELECT USING (true)`, {
      tenant: 'user_id',
    })
    assert.deepEqual(
      result.unmade.map(({ table }) => table),
      ['odd'],
    )
    assert.ok(found(result).includes('app read notes'))
  })

  test('nobody sees rows of their own when the settings that name the speaker are wrong', async () => {
    const result = await attacked(supabase, { tenant: 'user_id', identity: { 'app.nobody': '{{tenant}}' } })
    assert.equal(result.controlled, false)
  })
})

test('what the plan accepts stays listed, and an acceptance that nothing shows is named', () => {
  const hole = { role: 'app', way: 'unique', on: 'clients', statement: '', what: '', remedy: '' } as const
  const reason = 'An address belongs to one person, whichever shop they use.'
  const entry = { roles: ['app'], on: ['clients'], by: ['unique' as const], reason, requirements: [] }
  const judged = judge([hole, { ...hole, way: 'read' }], { mail: entry, idle: { ...entry, on: ['gone'] } })
  assert.deepEqual(
    judged.open.map(({ way }) => way),
    ['read'],
  )
  assert.deepEqual(
    judged.accepted.map(({ by }) => by),
    ['mail'],
  )
  assert.deepEqual(judged.idle, ['idle'])
})
