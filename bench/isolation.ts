import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { rowSecurity } from '../src/plan/row-security.ts'
import { findBinaries } from '../src/postgres/binaries.ts'
import { withClient } from '../src/postgres/connection.ts'
import { startServer } from '../src/postgres/launch.ts'
import { temporaryPlace } from '../src/postgres/place.ts'
import { isolate } from '../src/prove/isolation/isolate.ts'

/*
 * The attack on a schema of many tables: `node bench/isolation.ts [tables]`. Each table refers to the one before it, has a unique value, a
 * policy, a function and every tenth a view and partitions; two roles attack. Ends with 1 above 30 seconds for 100 tables, or when the schema,
 * which is sound, is said to leak.
 */
const tables = Number(process.argv[2] ?? 100)

const guard = (name: string) => `
  ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON ${name} USING (tenant_id = tenant()) WITH CHECK (tenant_id = tenant());
  GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO api; GRANT SELECT ON ${name} TO reports;`

const schema = `
  CREATE FUNCTION tenant() RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS
    $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;
  ${Array.from({ length: tables }, (_, at) => {
    const name = `things_${at}`
    const above = at === 0 ? '' : `, FOREIGN KEY (tenant_id, above) REFERENCES things_${at - 1} (tenant_id, id)`
    return `
      CREATE TABLE ${name} (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), above uuid, code text NOT NULL,
        amount numeric(12, 2) NOT NULL CHECK (amount >= 0), state text NOT NULL CHECK (state IN ('open', 'done')), at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, code)${above}); ${guard(name)}
      CREATE FUNCTION count_${at}(p_state text) RETURNS bigint LANGUAGE sql STABLE SET search_path = '' AS
        $$ SELECT count(*) FROM public.${name} WHERE state = p_state $$;
      ${
        at % 10 === 0
          ? `CREATE VIEW open_${at} WITH (security_invoker = true) AS SELECT * FROM ${name} WHERE state = 'open'; GRANT SELECT ON open_${at} TO api;
             CREATE TABLE days_${at} (tenant_id uuid NOT NULL, day date NOT NULL) PARTITION BY RANGE (day); ${guard(`days_${at}`)}
             CREATE TABLE days_${at}_2026 PARTITION OF days_${at} FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); ${guard(`days_${at}_2026`)}`
          : ''
      }`
  }).join('')}`

const place = await temporaryPlace('aval-bench')
const server = await startServer({
  dataDirectory: join(place.path, 'data'),
  binaries: await findBinaries('embedded'),
  clock: systemClock,
})
try {
  await withClient(server.url(), (client) =>
    client.query(
      'CREATE ROLE shop_owner; CREATE ROLE api; CREATE ROLE reports; ALTER DATABASE postgres OWNER TO shop_owner',
    ),
  )
  const adminUrl = server.url({ database: 'postgres' })
  await withClient(adminUrl, (client) =>
    client.query(`REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC; SET SESSION AUTHORIZATION shop_owner; ${schema}`),
  )
  const began = performance.now()
  const { holes, statements, unmade } = await isolate({
    adminUrl,
    owner: 'shop_owner',
    roles: ['api', 'reports'],
    rowSecurity: rowSecurity.parse({ tables: 'all', tenant: 'tenant_id', identity: { 'app.tenant': '{{tenant}}' } }),
    seed: 7,
  })
  const seconds = (performance.now() - began) / 1000
  console.log(
    `${tables} tables, ${statements} statements, ${holes.length} holes, ${unmade.length} tables without rows: ${seconds.toFixed(1)} s`,
  )
  if (holes.length > 0 || unmade.length > 0 || (tables === 100 && seconds > 30)) process.exitCode = 1
} finally {
  await server.stop('immediate')
  await place.remove()
}
