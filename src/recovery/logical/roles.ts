import { type Client, escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'
import { superuser } from '../../postgres/superuser.ts'

/** A role without its password: those are derived from a secret that does not lie with the backups. */
export const roleSchema = z.strictObject({
  name: z.string(),
  superuser: z.boolean(),
  inherit: z.boolean(),
  createRole: z.boolean(),
  createDatabase: z.boolean(),
  login: z.boolean(),
  replication: z.boolean(),
  bypassRls: z.boolean(),
  connections: z.int(),
  /** `name=value`, as `ALTER ROLE ... SET` of all databases left them. */
  settings: z.array(z.string()),
  memberOf: z.array(z.strictObject({ role: z.string(), admin: z.boolean() })),
})

export type Role = z.infer<typeof roleSchema>

/** Every role of a server but Postgres's own; readable by any role. */
export async function readRoles(client: Client): Promise<Role[]> {
  const { rows } = await client.query(
    `SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolinherit AS inherit, r.rolcreaterole AS "createRole",
            r.rolcreatedb AS "createDatabase", r.rolcanlogin AS login, r.rolreplication AS replication,
            r.rolbypassrls AS "bypassRls", r.rolconnlimit AS connections,
            coalesce((SELECT s.setconfig FROM pg_catalog.pg_db_role_setting s
                       WHERE s.setrole = r.oid AND s.setdatabase = 0), '{}') AS settings,
            coalesce((SELECT json_agg(json_build_object('role', g.rolname, 'admin', m.admin_option) ORDER BY g.rolname)
                        FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
                       WHERE m.member = r.oid), '[]') AS "memberOf"
       FROM pg_catalog.pg_roles r WHERE r.rolname NOT LIKE 'pg\\_%' ORDER BY r.rolname`,
  )
  return z.array(roleSchema).parse(rows)
}

/**
 * Makes the roles on a new cluster. The superuser of every cluster of Aval is there already and stays what it is. Without passwords none of them
 * can connect from outside before whoever runs the system gives it one.
 */
export async function makeRoles(client: Client, roles: readonly Role[]): Promise<void> {
  const made = roles.filter(({ name }) => name !== superuser)
  for (const role of made) {
    const { connections, name } = role
    await client.query(`CREATE ROLE ${escapeIdentifier(name)} ${attributes(role)} CONNECTION LIMIT ${connections}`)
  }
  const { rows } = await client.query('SELECT rolname AS name FROM pg_catalog.pg_roles')
  const known = new Set(
    z
      .array(z.object({ name: z.string() }))
      .parse(rows)
      .map(({ name }) => name),
  )
  for (const { name, memberOf, settings } of made) {
    for (const setting of settings) {
      const [parameter = '', ...value] = setting.split('=')
      await client.query(
        `ALTER ROLE ${escapeIdentifier(name)} SET ${escapeIdentifier(parameter)} = ${settingLiteral(parameter, value.join('='))}`,
      )
    }
    for (const { role, admin } of memberOf) {
      // Predefined roles of a newer server than this one.
      if (!known.has(role)) continue
      const option = admin ? ' WITH ADMIN OPTION' : ''
      await client.query(`GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(name)}${option}`)
    }
  }
}

function attributes(role: Role): string {
  const flags: [boolean, string][] = [
    [role.superuser, 'SUPERUSER'],
    [role.inherit, 'INHERIT'],
    [role.createRole, 'CREATEROLE'],
    [role.createDatabase, 'CREATEDB'],
    [role.login, 'LOGIN'],
    [role.replication, 'REPLICATION'],
    [role.bypassRls, 'BYPASSRLS'],
  ]
  return flags.map(([is, word]) => (is ? word : `NO${word}`)).join(' ')
}

/** Lists such as search paths are kept as the text between the commas, names quoted where they must be. */
function settingLiteral(parameter: string, value: string): string {
  const lists = ['search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries']
  if (!lists.includes(parameter)) return escapeLiteral(value)
  const parts = value.split(',').map((part) =>
    part
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .replaceAll('""', '"'),
  )
  return parts.map(escapeLiteral).join(', ')
}
