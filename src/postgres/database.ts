import { createHmac } from 'node:crypto'
import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { failure } from '../errors.ts'
import { withClient } from './connection.ts'
import { matchesVerifier, scramVerifier } from './scram.ts'
import type { Server } from './server.ts'

export interface DatabaseOptions {
  name: string
  /** Owns the schema and runs migrations. */
  owner: string
  /** Services connect as these. */
  roles: readonly string[]
  /** Created by the superuser, since an owner without superuser may not. */
  extensions: readonly string[]
  /** Passwords of owner and roles are derived from it, so that a second start and a restored database keep them. */
  secret: Uint8Array
}

export interface PreparedDatabase {
  name: string
  owner: string
  /** The superuser on this database. */
  adminUrl: string
  ownerUrl: string
  roleUrl(role: string): string
}

/**
 * Makes a database with its roles and extensions, or brings one that exists to the same state. None of the roles is a
 * superuser or passes row security; the owner may create roles, the others may not.
 * @throws POSTGRES_EXTENSION_MISSING
 */
export async function prepareDatabase(server: Server, options: DatabaseOptions): Promise<PreparedDatabase> {
  const { name, owner, roles, extensions } = options
  const password = (role: string) => rolePassword(options.secret, role)
  const adminUrl = server.url({ database: name })
  await withClient(server.url(), async (client) => {
    // Two that grant on the same database, or make the same extension, at once would fail on each other.
    await client.query('SELECT pg_advisory_lock($1)', [preparationLock])
    await ensureRole(client, owner, { createRole: true, password: password(owner) })
    for (const role of roles) await ensureRole(client, role, { createRole: false, password: password(role) })
    await ensureDatabase(client, name, owner)
    await client.query(`REVOKE ALL ON DATABASE ${escapeIdentifier(name)} FROM PUBLIC`)
    const everyone = [owner, ...roles].map(escapeIdentifier).join(', ')
    await client.query(`GRANT CONNECT ON DATABASE ${escapeIdentifier(name)} TO ${everyone}`)
    // On a connection to that database, while this one still holds the lock.
    await withClient(adminUrl, (inside) => ensureExtensions(inside, extensions, server.version))
  })
  const roleUrl = (role: string) => server.url({ user: role, password: password(role), database: name })
  return { name, owner, adminUrl, ownerUrl: roleUrl(owner), roleUrl }
}

/** Any number that is always the same. */
const preparationLock = 4_732_016_577_204

/** Password of a role: 256 bits, hex. */
function rolePassword(secret: Uint8Array, role: string): string {
  return createHmac('sha256', secret).update(`postgres role ${role}`).digest('hex')
}

interface RoleRow {
  rolsuper: boolean
  rolbypassrls: boolean
  rolcreaterole: boolean
  rolcreatedb: boolean
  rolreplication: boolean
  rolcanlogin: boolean
}

async function ensureRole(
  client: Client,
  role: string,
  wanted: { createRole: boolean; password: string },
): Promise<void> {
  const name = escapeIdentifier(role)
  const { rows } = await client.query<RoleRow>(
    'SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin FROM pg_roles WHERE rolname = $1',
    [role],
  )
  const row = rows[0]
  const secret = escapeLiteral(scramVerifier(wanted.password))
  if (row === undefined) {
    const createRole = wanted.createRole ? 'CREATEROLE' : 'NOCREATEROLE'
    await client.query(`CREATE ROLE ${name} LOGIN ${createRole} PASSWORD ${secret}`)
    return
  }
  // Only what differs is changed: naming SUPERUSER at all is refused to anybody but a superuser.
  const changes = [
    row.rolsuper ? 'NOSUPERUSER' : '',
    row.rolbypassrls ? 'NOBYPASSRLS' : '',
    row.rolcreatedb ? 'NOCREATEDB' : '',
    row.rolreplication ? 'NOREPLICATION' : '',
    row.rolcanlogin ? '' : 'LOGIN',
    row.rolcreaterole === wanted.createRole ? '' : wanted.createRole ? 'CREATEROLE' : 'NOCREATEROLE',
    (await hasPassword(client, role, wanted.password)) ? '' : `PASSWORD ${secret}`,
  ].filter((change) => change !== '')
  if (changes.length > 0) await client.query(`ALTER ROLE ${name} ${changes.join(' ')}`)
}

/** Whether the role has this password already; false where only a superuser could tell. */
async function hasPassword(client: Client, role: string, password: string): Promise<boolean> {
  const { rows: allowed } = await client.query<{ may: boolean }>(
    "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may",
  )
  if (allowed[0]?.may !== true) return false
  const { rows } = await client.query<{ rolpassword: string | null }>(
    'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
    [role],
  )
  return matchesVerifier(rows[0]?.rolpassword ?? null, password)
}

async function ensureDatabase(client: Client, name: string, owner: string): Promise<void> {
  const { rows } = await client.query<{ owner: string }>(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1',
    [name],
  )
  if (rows[0]?.owner === owner) return
  const { rows: me } = await client.query<{ rolsuper: boolean }>(
    'SELECT rolsuper FROM pg_roles WHERE rolname = current_user',
  )
  // On a managed server the person of the URL is no superuser, and may only give to roles it belongs to.
  if (me[0]?.rolsuper !== true) await client.query(`GRANT ${escapeIdentifier(owner)} TO CURRENT_USER`)
  const change = rows.length === 0 ? 'CREATE DATABASE' : 'ALTER DATABASE'
  const clause = rows.length === 0 ? 'OWNER' : 'OWNER TO'
  await client.query(`${change} ${escapeIdentifier(name)} ${clause} ${escapeIdentifier(owner)}`)
}

async function ensureExtensions(client: Client, extensions: readonly string[], version: string): Promise<void> {
  const { rows } = await client.query<{ name: string; installed: boolean }>(
    'SELECT name, installed_version IS NOT NULL AS installed FROM pg_available_extensions WHERE name = ANY($1)',
    [extensions],
  )
  const missing = extensions.filter((name) => !rows.some((row) => row.name === name))
  if (missing.length > 0) throw failure('POSTGRES_EXTENSION_MISSING', { version, names: missing.join(', ') })
  for (const { name, installed } of rows) {
    // CASCADE brings what an extension itself needs.
    if (!installed) await client.query(`CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} CASCADE`)
  }
}
