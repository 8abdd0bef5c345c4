/** A schema on top of the shop, made by its owner: statements after `as superuser` are the server's administrator's. */
export interface Case {
  /** Completes "a schema …". */
  name: string
  sql: string
  /** Roles that serve clients; `app` unless told. */
  roles?: readonly string[]
}

/** A schema that leaks. */
export interface Leak extends Case {
  /** Every hole it has, and nothing else: `role way object` to what the statement and the remedy must say. */
  holes: Readonly<Record<string, readonly [statement: RegExp, remedy: RegExp]>>
  /** What closes all of them, as the remedies say. */
  mended: string
}

/** A schema with something out of the ordinary, which is named and does not keep the rest from being attacked. */
export interface Odd extends Case {
  /** What is said of it: an object, and words of the remark. */
  says: Readonly<Record<string, RegExp>>
  /** Holes that are found beside it: `role way object`. */
  holes?: readonly string[]
}

export const asSuperuser = '; SET LOCAL SESSION AUTHORIZATION DEFAULT; '
export const asOwner = '; SET LOCAL SESSION AUTHORIZATION shop_owner; '

/** Row security on a table, by tenant unless told. */
export const guard = (table: string, condition = 'tenant_id = tenant()') => `
  ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON ${table} USING (${condition}) WITH CHECK (${condition});
  GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO app;`

/** Roles of the cluster: `archivist` passes row security and serves nobody. */
export const cluster = `CREATE ROLE shop_owner LOGIN PASSWORD 'shop'; CREATE ROLE app; CREATE ROLE vip NOLOGIN; CREATE ROLE archivist BYPASSRLS NOLOGIN`

/** A sound schema: tenants, their notes, and the lines of these. */
export const shop = `
  CREATE FUNCTION tenant() RETURNS uuid LANGUAGE sql STABLE SET search_path = '' AS
    $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;
  CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL);
  CREATE TABLE notes (tenant_id uuid NOT NULL REFERENCES tenants (id), id uuid NOT NULL DEFAULT gen_random_uuid(), body text NOT NULL,
    size int NOT NULL CHECK (size BETWEEN 3 AND 5), PRIMARY KEY (tenant_id, id));
  CREATE TABLE lines (tenant_id uuid NOT NULL, note_id uuid NOT NULL, place int NOT NULL, word text, PRIMARY KEY (tenant_id, note_id, place),
    FOREIGN KEY (tenant_id, note_id) REFERENCES notes (tenant_id, id));
  ${guard('tenants', 'id = tenant()')} ${guard('notes')} ${guard('lines')}
  REVOKE INSERT, UPDATE, DELETE ON tenants FROM app;
  GRANT SELECT, UPDATE, INSERT ON notes, lines TO archivist`

/** A function or view that the one who passes row security owns. */
export const archived = (made: string, kind: 'FUNCTION' | 'VIEW' | 'MATERIALIZED VIEW', name: string) =>
  `${asSuperuser} ${made}; ALTER ${kind} ${name} OWNER TO archivist; ${asOwner}`
