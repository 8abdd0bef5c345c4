import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'

const nullable = z.string().nullable()

const definitionSchema = z.object({
  /** Schema and name, quoted where they need it. */
  sql: z.string(),
  schema: z.string(),
  name: z.string(),
  owner: z.string(),
  unlogged: z.boolean(),
  options: z.array(z.string()),
  rowSecurity: z.boolean(),
  forced: z.boolean(),
  comment: nullable,
  replicaIdentity: z.string(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      collation: nullable,
      required: z.boolean(),
      value: nullable,
      generated: z.string(),
      identity: z.string(),
      storage: z.string(),
      compression: z.string(),
      statistics: z.number().nullable(),
      comment: nullable,
    }),
  ),
  constraints: z.array(
    z.object({ name: z.string(), kind: z.string(), definition: z.string(), valid: z.boolean(), comment: nullable }),
  ),
  indexes: z.array(z.object({ name: z.string(), definition: z.string(), comment: nullable })),
  triggers: z.array(z.object({ name: z.string(), definition: z.string(), enabled: z.string(), comment: nullable })),
  policies: z.array(
    z.object({
      name: z.string(),
      permissive: z.boolean(),
      command: z.string(),
      roles: z.array(z.string()),
      using: nullable,
      check: nullable,
      comment: nullable,
    }),
  ),
  /** `role privilege column`, grantable ones with a star. */
  grants: z.array(z.object({ role: nullable, privilege: z.string(), grantable: z.boolean(), column: nullable })),
  sequences: z.array(
    z.object({
      sql: z.string(),
      column: z.string(),
      identity: z.boolean(),
      type: z.string(),
      start: z.string(),
      increment: z.string(),
      min: z.string(),
      max: z.string(),
      cache: z.string(),
      cycle: z.boolean(),
    }),
  ),
  /** What this code cannot make again; empty for an ordinary table. */
  unsupported: z.array(z.string()),
})

/** Everything a catalog knows of a table, in names and never in numbers, so that two of them can be compared. */
export type TableDefinition = z.infer<typeof definitionSchema>

/** @returns undefined when there is no such table */
export async function readDefinition(client: Client, table: string): Promise<TableDefinition | undefined> {
  const { rows } = await client.query<{ definition: unknown }>(definitionSql, [table])
  return rows[0] === undefined ? undefined : definitionSchema.parse(rows[0].definition)
}

/** The table itself, with its columns and sequences, before it has rows. */
export function creation(definition: TableDefinition): string[] {
  const table = definition.sql
  const columns = definition.columns.map((column) => {
    const sequence = definition.sequences.find((each) => each.identity && each.column === column.name)
    return [
      escapeIdentifier(column.name),
      column.type,
      column.collation === null ? '' : `COLLATE ${column.collation}`,
      column.compression === '' ? '' : `COMPRESSION ${column.compression === 'l' ? 'lz4' : 'pglz'}`,
      column.generated !== ''
        ? `GENERATED ALWAYS AS (${column.value}) ${column.generated === 's' ? 'STORED' : 'VIRTUAL'}`
        : column.identity !== ''
          ? `GENERATED ${column.identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY (${sequence ? `SEQUENCE NAME ${sequence.sql} ${sequenceOptions(sequence)}` : ''})`
          : column.value === null
            ? ''
            : `DEFAULT ${column.value}`,
      column.required ? 'NOT NULL' : '',
    ]
      .filter((part) => part !== '')
      .join(' ')
  })
  const serial = definition.sequences.filter(({ identity }) => !identity)
  const options = definition.options.length === 0 ? '' : ` WITH (${definition.options.join(', ')})`
  return [
    ...serial.map((each) => `CREATE SEQUENCE ${each.sql} AS ${each.type} ${sequenceOptions(each)}`),
    `CREATE ${definition.unlogged ? 'UNLOGGED ' : ''}TABLE ${table} (${columns.join(', ')})${options}`,
    ...serial.map((each) => `ALTER SEQUENCE ${each.sql} OWNED BY ${table}.${escapeIdentifier(each.column)}`),
    ...definition.columns.flatMap(({ name, storage, statistics }) => [
      `ALTER TABLE ${table} ALTER ${escapeIdentifier(name)} SET STORAGE ${storage}`,
      ...(statistics === null || statistics < 0
        ? []
        : [`ALTER TABLE ${table} ALTER ${escapeIdentifier(name)} SET STATISTICS ${statistics}`]),
    ]),
  ]
}

function sequenceOptions(sequence: TableDefinition['sequences'][number]): string {
  const { start, increment, min, max, cache, cycle } = sequence
  return `INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max} START WITH ${start} CACHE ${cache}${cycle ? ' CYCLE' : ''}`
}

/** What is made over the rows: indexes and every constraint but foreign keys. */
export function structure(definition: TableDefinition): string[] {
  const table = definition.sql
  return [
    ...definition.constraints
      .filter(({ kind }) => kind !== 'f')
      .map(({ name, definition: text }) => `ALTER TABLE ${table} ADD CONSTRAINT ${escapeIdentifier(name)} ${text}`),
    ...definition.indexes.map(({ definition: text }) => text),
    ...(definition.replicaIdentity === 'f' ? [`ALTER TABLE ${table} REPLICA IDENTITY FULL`] : []),
    ...(definition.replicaIdentity === 'n' ? [`ALTER TABLE ${table} REPLICA IDENTITY NOTHING`] : []),
  ]
}

/** Who may do what, what happens by itself, and what was said about it. */
export function surroundings(definition: TableDefinition): string[] {
  const table = definition.sql
  const { schema, comment } = definition
  const say = (what: string, text: string | null) =>
    text === null ? [] : [`COMMENT ON ${what} IS ${escapeLiteral(text)}`]
  return [
    ...definition.triggers.flatMap(({ name, definition: text, enabled, comment: said }) => {
      const how = { A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA', D: 'DISABLE' }[enabled]
      return [
        text,
        ...(how === undefined ? [] : [`ALTER TABLE ${table} ${how} TRIGGER ${escapeIdentifier(name)}`]),
        ...say(`TRIGGER ${escapeIdentifier(name)} ON ${table}`, said),
      ]
    }),
    ...definition.policies.flatMap((policy) => [
      policySql(policy, table),
      ...say(`POLICY ${escapeIdentifier(policy.name)} ON ${table}`, policy.comment),
    ]),
    ...(definition.rowSecurity ? [`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`] : []),
    ...(definition.forced ? [`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`] : []),
    ...say(`TABLE ${table}`, comment),
    ...definition.columns.flatMap(({ name, comment: said }) => say(`COLUMN ${table}.${escapeIdentifier(name)}`, said)),
    ...definition.constraints.flatMap(({ name, comment: said }) =>
      say(`CONSTRAINT ${escapeIdentifier(name)} ON ${table}`, said),
    ),
    ...definition.indexes.flatMap(({ name, comment: said }) =>
      say(`INDEX ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`, said),
    ),
  ]
}

/** Takes every grant a new table came with, by default privileges, and gives those it had. */
export function grants(definition: TableDefinition, now: TableDefinition): string[] {
  const table = definition.sql
  const who = (role: string | null) => (role === null ? 'PUBLIC' : escapeIdentifier(role))
  const what = (grant: TableDefinition['grants'][number]) =>
    grant.column === null ? grant.privilege : `${grant.privilege} (${escapeIdentifier(grant.column)})`
  return [
    ...now.grants.map((grant) => `REVOKE ${what(grant)} ON ${table} FROM ${who(grant.role)}`),
    ...definition.grants.map(
      (grant) => `GRANT ${what(grant)} ON ${table} TO ${who(grant.role)}${grant.grantable ? ' WITH GRANT OPTION' : ''}`,
    ),
  ]
}

export function policySql(policy: TableDefinition['policies'][number], table: string): string {
  const command = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE' }[policy.command] ?? 'ALL'
  const roles = policy.roles.map((role) => (role === '' ? 'PUBLIC' : escapeIdentifier(role))).join(', ')
  return [
    `CREATE POLICY ${escapeIdentifier(policy.name)} ON ${table} AS ${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'}`,
    `FOR ${command} TO ${roles}`,
    policy.using === null ? '' : `USING (${policy.using})`,
    policy.check === null ? '' : `WITH CHECK (${policy.check})`,
  ].join(' ')
}

export const policiesOf = (where: string) => `
  coalesce((SELECT json_agg(json_build_object('name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
    'roles', (SELECT json_agg(coalesce(r.rolname, '') ORDER BY r.rolname) FROM unnest(p.polroles) u (oid)
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = u.oid),
    'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
    'comment', obj_description(p.oid, 'pg_policy'), 'table', p.polrelid::regclass::text) ORDER BY p.polname)
    FROM pg_catalog.pg_policy p WHERE ${where}), '[]')`

const definitionSql = `
SELECT json_build_object(
  'sql', format('%I.%I', n.nspname, c.relname), 'schema', n.nspname, 'name', c.relname, 'owner', pg_get_userbyid(c.relowner), 'unlogged', c.relpersistence = 'u',
  'options', coalesce((SELECT json_agg(o ORDER BY o) FROM unnest(c.reloptions) o), '[]'),
  'rowSecurity', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'replicaIdentity', c.relreplident,
  'comment', obj_description(c.oid, 'pg_class'),
  'columns', coalesce((SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, o.collname)
        FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace cn ON cn.oid = o.collnamespace WHERE o.oid = a.attcollation) END,
      'required', a.attnotnull, 'value', pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated, 'identity', a.attidentity,
      'storage', CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END,
      'compression', a.attcompression, 'statistics', a.attstattarget, 'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
  'constraints', coalesce((SELECT json_agg(json_build_object('name', k.conname, 'kind', k.contype,
      'definition', pg_get_constraintdef(k.oid), 'valid', k.convalidated, 'comment', obj_description(k.oid, 'pg_constraint'))
      ORDER BY array_position('{p,u,x,c,f}', k.contype::text), k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x', 'c', 'f')), '[]'),
  'indexes', coalesce((SELECT json_agg(json_build_object('name', i.relname, 'definition', pg_get_indexdef(i.oid),
      'comment', obj_description(i.oid, 'pg_class')) ORDER BY i.relname)
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
      WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))), '[]'),
  'triggers', coalesce((SELECT json_agg(json_build_object('name', g.tgname, 'definition', pg_get_triggerdef(g.oid),
      'enabled', g.tgenabled, 'comment', obj_description(g.oid, 'pg_trigger')) ORDER BY g.tgname)
    FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal), '[]'),
  'policies', ${policiesOf('p.polrelid = c.oid')},
  'grants', coalesce((SELECT json_agg(json_build_object('role', r.rolname, 'privilege', g.privilege_type,
      'grantable', g.is_grantable, 'column', g.attname) ORDER BY r.rolname, g.attname, g.privilege_type)
    FROM (
      SELECT e.grantee, e.privilege_type, e.is_grantable, NULL::name AS attname FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) e
      UNION ALL SELECT e.grantee, e.privilege_type, e.is_grantable, a.attname
      FROM pg_catalog.pg_attribute a, aclexplode(a.attacl) e WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) g LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee), '[]'),
  'sequences', coalesce((SELECT json_agg(json_build_object('sql', format('%I.%I', sn.nspname, s.relname), 'column', a.attname,
      'identity', d.deptype = 'i', 'type', format_type(q.seqtypid, NULL), 'start', q.seqstart::text, 'increment', q.seqincrement::text,
      'min', q.seqmin::text, 'max', q.seqmax::text, 'cache', q.seqcache::text, 'cycle', q.seqcycle) ORDER BY s.relname)
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')), '[]'),
  'unsupported', to_json(array_remove(ARRAY[
    CASE WHEN c.relkind <> 'r' THEN 'its partitions' END,
    CASE WHEN c.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE c.oid IN (h.inhrelid, h.inhparent))
      THEN 'the tables it inherits from or that inherit from it' END,
    CASE WHEN c.reloftype <> 0 THEN 'the type it is of' END,
    CASE WHEN c.relreplident = 'i' THEN 'its replica identity' END,
    CASE WHEN c.reltablespace <> 0 THEN 'its tablespace' END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid) THEN 'its rules' END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = c.oid) THEN 'its extended statistics' END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_publication_rel b WHERE b.prrelid = c.oid) THEN 'the publications that name it' END
  ], NULL))) AS definition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')`
