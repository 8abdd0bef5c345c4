import { serverEnvironment } from '../../postgres/cluster.ts'

/** How a program of Postgres is told where to connect: never by a password on its command line, which anybody may read. */
export interface ToolConnection {
  argument: string
  env: NodeJS.ProcessEnv
}

/** @param url `postgresql://user:password@host:port/database?...` */
export function toolConnection(url: string): ToolConnection {
  const address = new URL(url)
  const password = decodeURIComponent(address.password)
  address.password = ''
  return {
    argument: `--dbname=${address.href}`,
    env: { ...serverEnvironment, PGAPPNAME: 'aval_dump', ...(password === '' ? {} : { PGPASSWORD: password }) },
  }
}

/**
 * A line of the output of `pg_dump` or `pg_restore` that a person may see. What Postgres says of a row it could not load quotes the
 * row, so that only the table is told.
 */
export function withoutRows(line: string): string | undefined {
  if (!/^pg_(dump|restore): (error|warning|hint|detail)?/.test(line)) return undefined
  const copy = /^(.*COPY failed for table "[^"]*")/.exec(line)
  if (copy) return copy[1]
  // Quoted values of constraints and casts.
  return line.replace(/(invalid input [^:]*:|Key \([^)]*\)=|DETAIL:).*/s, '$1 ...')
}
