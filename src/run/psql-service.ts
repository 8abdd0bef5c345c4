import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './environment.ts'

/*
 * How psql and every other program of libpq connect to a running development database: by a connection service file, which only its
 * owner may read. A URL on a command line would show the password to every account of the machine.
 */

/** The service of each role in the file: the superuser, and the owner of the schema. */
const services = { admin: 'adminUrl', owner: 'ownerUrl' } as const

/** The file of a development directory. */
export function psqlServiceFile(directory: string): string {
  return join(directory, 'pg_service.conf')
}

/** Writes it in one step; whoever calls holds the environment. */
export function writePsqlServices(
  directory: string,
  database: Pick<Environment['database'], 'adminUrl' | 'ownerUrl'>,
): void {
  const sections = Object.entries(services).map(([name, member]) => section(name, new URL(database[member])))
  const file = psqlServiceFile(directory)
  const draft = `${file}.new`
  writeFileSync(draft, sections.join('\n'), { mode: 0o600 })
  renameSync(draft, file)
}

export function removePsqlServices(directory: string): void {
  rmSync(psqlServiceFile(directory), { force: true })
}

/** What a person types to look into the database as its superuser. */
export function psqlCommand(directory: string): string {
  return `PGSERVICEFILE='${psqlServiceFile(directory).replaceAll("'", `'\\''`)}' psql service=admin`
}

function section(name: string, url: URL): string {
  const entries = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port || '5432',
    dbname: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  }
  return [`[${name}]`, ...Object.entries(entries).map(([key, value]) => `${key}=${value}`), ''].join('\n')
}
