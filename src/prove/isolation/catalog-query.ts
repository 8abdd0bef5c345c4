/** Objects of the application: of no extension, and not the books that migrations keep of themselves. */
const own = (alias: string, kind: string, catalog: string) => `
  n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'drizzle', 'supabase_migrations', 'aval')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')
  AND ${alias}.${kind}name NOT IN ('_prisma_migrations', '__drizzle_migrations')`

const namesOf = (relation: string, numbers: string) => `(
  SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]') FROM unnest(${numbers}) WITH ORDINALITY k(number, place)
  JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`

/** Columns of an index: those of its key, and of its expressions what these depend on. */
const indexed = `CASE WHEN i.indexprs IS NULL THEN ${namesOf('c.oid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')} ELSE (
  SELECT coalesce(json_agg(DISTINCT a.attname), '[]') FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = c.oid AND d.refobjsubid > 0
    AND EXISTS (SELECT FROM generate_series(1, i.indnkeyatts) k WHERE strpos(pg_get_indexdef(i.indexrelid, k, false), quote_ident(a.attname)) > 0)) END`

const indexes = (which: string) => `(
  SELECT coalesce(json_agg(json_build_object('name', x.relname, 'primary', i.indisprimary,
    'plain', i.indexprs IS NULL AND i.indpred IS NULL, 'columns', ${indexed}) ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND ${which})`

const named = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`

const baseType = (oid: string) => `(
  WITH RECURSIVE t AS (
    SELECT typname, typtype, typbasetype FROM pg_type WHERE oid = ${oid}
    UNION ALL SELECT b.typname, b.typtype, b.typbasetype FROM t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd')
  SELECT typname FROM t WHERE typtype <> 'd')`

const labelsOf = (oid: string) => `(
  WITH RECURSIVE t AS (
    SELECT oid, typtype, typbasetype FROM pg_type WHERE oid = ${oid}
    UNION ALL SELECT b.oid, b.typtype, b.typbasetype FROM t JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype = 'd')
  SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM t JOIN pg_enum e ON e.enumtypid = t.oid)`

const constraints = (kind: string, more: string) => `(
  SELECT coalesce(json_agg(json_build_object('name', o.conname, 'columns', ${namesOf('c.oid', 'o.conkey')}, ${more}) ORDER BY o.conname), '[]')
  FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = '${kind}')`

const columnsOf = `(
  SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
    'base', ${baseType('a.atttypid')}, 'labels', ${labelsOf('a.atttypid')}, 'notNull', a.attnotnull,
    'hasDefault', a.atthasdef OR a.attidentity <> '', 'computed', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum), '[]')
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

const tables = `
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, ${named} AS sql, pg_get_userbyid(c.relowner) AS owner,
    c.relkind = 'p' AS partitioned, c.relpersistence = 'u' AS unlogged,
    (SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS "partitionOf",
    (SELECT coalesce(json_agg(pg_get_expr(p.relpartbound, p.oid)), '[]') FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
      WHERE i.inhparent = c.oid AND p.relispartition) AS bounds,
    c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS forced, ${columnsOf} AS columns,
    ${indexes('i.indisunique')} AS uniques, ${indexes('i.indisexclusion')} AS exclusions,
    ${constraints('c', `'definition', pg_get_constraintdef(o.oid)`)} AS checks,
    ${constraints('f', `'follows', o.confdeltype IN ('c', 'n', 'd'), 'parent', o.confrelid::int8, 'parentColumns', ${namesOf('o.confrelid', 'o.confkey')}`)} AS "foreignKeys"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${own('c', 'rel', 'pg_class')} ORDER BY n.nspname, c.relname`

const views = `
  SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, ${named} AS sql, c.relkind = 'm' AS materialized,
    pg_get_userbyid(c.relowner) AS owner,
    coalesce((SELECT bool_or(o.option_value::bool) FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_invoker'), false) AS invoker,
    (SELECT coalesce(json_agg(DISTINCT d.refobjid::int8), '[]') FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
      AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid WHERE w.ev_class = c.oid) AS of,
    (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${own('c', 'rel', 'pg_class')} ORDER BY n.nspname, c.relname`

const routines = `
  SELECT p.oid::int8 AS oid, p.proname AS name, quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS sql, p.oid::regprocedure::text AS signature,
    pg_get_userbyid(p.proowner) AS owner, p.prosecdef AS definer, p.prokind = 'p' AS procedure,
    p.proleakproof AS leakproof, p.provolatile = 'i' AS immutable, p.provariadic <> 0 AS variadic, p.prorettype = 'refcursor'::regtype AS cursor,
    (SELECT l.lanname FROM pg_language l WHERE l.oid = p.prolang) AS language, coalesce(nullif(p.prosrc, ''), pg_get_function_sqlbody(p.oid), '') AS source,
    p.prosqlbody IS NULL AND NOT coalesce((SELECT bool_or(s LIKE 'search_path=%') FROM unnest(p.proconfig) s), false) AS floats,
    (SELECT coalesce(json_agg(json_build_object('name', coalesce(p.proargnames[k.place], ''), 'type', format_type(k.type, NULL),
      'base', ${baseType('k.type')}) ORDER BY k.place), '[]') FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY k(type, place)) AS parameters
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND ${own('p', 'pro', 'pg_proc')} ORDER BY signature`

const sequences = `
  SELECT c.oid::int8 AS oid, c.relname AS name, ${named} AS sql,
    (SELECT d.refobjid::int8 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1) AS "table"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND ${own('c', 'rel', 'pg_class')} ORDER BY c.relname`

const policies = `
  SELECT p.polname AS name, p.polrelid::int8 AS "table", concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
    (SELECT string_agg(pg_get_functiondef(f.oid), ' ') FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass AND f.prokind = 'f')) AS text,
    (SELECT coalesce(json_agg(DISTINCT d.refobjid::int8), '[]') FROM pg_depend d
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass) AS calls
  FROM pg_policy p ORDER BY p.polrelid, p.polname`

/** Roles from whom a role may take what it asks for; a superuser needs none. Servers before 16 know members alone. */
const rolesBy = (right: string) => `(
  SELECT coalesce(json_agg(o.rolname ORDER BY o.rolname), '[]') FROM pg_roles o
  WHERE o.oid <> r.oid AND NOT r.rolsuper AND o.rolname !~ '^pg_' AND pg_has_role(r.oid, o.oid, ${right}))`

const roles = (version: number) => `
  SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypasses, r.rolreplication AS replicates,
    (SELECT coalesce(json_agg(o.rolname ORDER BY o.rolname), '[]') FROM pg_roles o
      WHERE o.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
        AND NOT r.rolsuper AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS reaches,
    ${rolesBy(version >= 16 ? "'SET'" : "'MEMBER'")} AS becomes, ${rolesBy("'MEMBER WITH ADMIN OPTION'")} AS grants
  FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname`

/** One query for the whole catalog, as JSON. @param version of the server, its major number */
export const catalogQuery = (version: number) =>
  `SELECT json_build_object(${Object.entries({ tables, views, routines, sequences, policies, roles: roles(version) })
    .map(([name, query]) => `'${name}', (SELECT coalesce(json_agg(q), '[]') FROM (${query}) q)`)
    .join(', ')}) AS catalog`
