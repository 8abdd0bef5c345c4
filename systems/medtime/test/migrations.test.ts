import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { migrate, migrationFiles, startTestServer, type TestServer } from './database.ts'

let server: TestServer

before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

/** Every table, column, index, policy, function and grant of the schemas the migrations touch. */
async function schemaOf(adminUrl: string): Promise<string[]> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ line: string }>(`
      SELECT format('column %s.%s.%s %s', table_schema, table_name, column_name, data_type) AS line
        FROM information_schema.columns WHERE table_schema IN ('public', 'auth')
      UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname IN ('public', 'auth')
      UNION ALL SELECT format('policy %s %s %s', tablename, policyname, qual) FROM pg_policies
      UNION ALL SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p
        WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'auth'))
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
      UNION ALL SELECT format('grant %s %s %s', table_name, grantee, privilege_type) FROM information_schema.role_table_grants
        WHERE table_schema = 'public' AND grantee <> 'aval'
      ORDER BY 1`)
    return rows.map((row) => row.line)
  })
}

test('each migration has a way back, and the names are in the order of their time', async () => {
  const [up, down] = [await migrationFiles('up'), await migrationFiles('down')]
  assert.ok(up.length >= 5)
  for (const { name } of up) assert.match(name, /^\d{14}_[a-z_]+\.sql$/)
  assert.deepEqual(
    down.map(({ name }) => name).reverse(),
    up.map(({ name }) => name.replace(/\.sql$/, '.down.sql')),
  )
})

test('down undoes what up did, and up works again', async () => {
  const database = await server.createDatabase('down_and_up')
  const empty = await schemaOf(database.adminUrl)
  await migrate(database.ownerUrl)
  const full = await schemaOf(database.adminUrl)
  assert.ok(full.length > 60)
  await migrate(database.ownerUrl, 'down')
  assert.deepEqual(await schemaOf(database.adminUrl), empty)
  await migrate(database.ownerUrl)
  assert.deepEqual(await schemaOf(database.adminUrl), full)
})

test('the tables have the documented columns and indexes', async () => {
  const database = await server.createDatabase('documented')
  await migrate(database.ownerUrl)
  const schema = (await schemaOf(database.adminUrl)).join('\n')
  const columns: Record<string, string[]> = {
    srv_encrypted_entities:
      'id user_id entity_type encrypted_blob version created_at updated_at deleted_at client_id blob_size checksum'.split(
        ' ',
      ),
    srv_sync_status: 'id user_id device_id last_sync_at sync_version'.split(' '),
    srv_ocr_requests: 'id user_id status created_at completed_at error_code'.split(' '),
    srv_user_preferences: 'user_id language timezone notification_enabled theme created_at updated_at'.split(' '),
    srv_family_links: 'supervised_user_id supervisor_id status'.split(' '),
    srv_users: ['user_id'],
  }
  for (const [table, names] of Object.entries(columns)) {
    for (const name of names) assert.ok(schema.includes(`column public.${table}.${name} `), `${table}.${name}`)
  }
  for (const index of ['idx_entities_updated', 'idx_entities_sequence']) {
    assert.ok(schema.includes(`INDEX ${index} `), index)
  }
})

test('every table of the schema has row security on and forced, also for its owner', async () => {
  const database = await server.createDatabase('forced')
  await migrate(database.ownerUrl)
  const tables = await withClient(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ relname: string; on: boolean; forced: boolean }>(
      `SELECT relname, relrowsecurity AS on, relforcerowsecurity AS forced FROM pg_class
       WHERE relnamespace IN ('public'::regnamespace, 'auth'::regnamespace) AND relkind IN ('r', 'p')`,
    )
    return rows
  })
  assert.ok(tables.length >= 8)
  for (const table of tables) assert.deepEqual([table.on, table.forced], [true, true], table.relname)
})

/** What Supabase has before any migration of ours: its own auth schema, owned by another role, and its web roles. */
const supabase = `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_auth_admin') THEN
      CREATE ROLE supabase_auth_admin; CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role BYPASSRLS;
    END IF;
  END $$;
  CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
  CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
  ALTER TABLE auth.users OWNER TO supabase_auth_admin;
  ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $uid$
    SELECT coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
    )::uuid $uid$;
  ALTER FUNCTION auth.uid() OWNER TO supabase_auth_admin;
  GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, medtime_owner;
  ALTER DEFAULT PRIVILEGES FOR ROLE medtime_owner IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
  ALTER DEFAULT PRIVILEGES FOR ROLE medtime_owner IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
`

test('on a database that has an auth schema of its own, as Supabase, that is left as it is and the web roles get nothing', async () => {
  const database = await server.createDatabase('like_supabase')
  await withClient(database.adminUrl, (client) => client.query(supabase))
  const authOf = async () =>
    (await schemaOf(database.adminUrl)).filter((line) => / (ON )?auth\./.test(line) && !line.startsWith('policy'))
  const authBefore = await authOf()
  assert.equal(authBefore.length, 4)
  await migrate(database.ownerUrl)
  assert.deepEqual(await authOf(), authBefore)
  const open = (await schemaOf(database.adminUrl)).filter((line) => /^grant srv_\w+ (anon|authenticated) /.test(line))
  assert.deepEqual(open, [])
  await withClient(database.adminUrl, async (client) => {
    const { rows } = await client.query(
      `SELECT p.oid::regprocedure FROM pg_proc p WHERE p.proname LIKE 'srv\\_%'
       AND (has_function_privilege('anon', p.oid, 'EXECUTE') OR has_function_privilege('authenticated', p.oid, 'EXECUTE'))`,
    )
    assert.deepEqual(rows, [])
  })
  const user = '11111111-1111-4111-8111-111111111111'
  await withClient(database.roleUrl('medtime_api'), async (client) => {
    const { rows } = await client.query('SELECT current_epoch FROM srv_status($1, 10)', [user])
    assert.deepEqual(rows, [{ current_epoch: '1' }])
  })
  await migrate(database.ownerUrl, 'down')
  assert.deepEqual(await authOf(), authBefore, 'the way back leaves it as well')
})

test('a second restore of the same backup gives another epoch than the first', async () => {
  const database = await server.createDatabase('epochs')
  await migrate(database.ownerUrl)
  const raise = (from: number) =>
    withClient(database.ownerUrl, async (client) => {
      await client.query('UPDATE srv_sync_epoch SET epoch = $1', [from])
      const { rows } = await client.query<{ epoch: string }>('SELECT srv_raise_epoch() AS epoch')
      return Number(rows[0]?.epoch)
    })
  const first = await raise(1)
  assert.ok(first > 1_000_000_000, 'far above a mere count')
  const ahead = first + 1_000_000
  assert.equal(await raise(ahead), ahead + 1, 'never lower than before, whatever the clock says')
})
