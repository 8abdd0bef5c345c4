import { join } from 'node:path'
import { serverAccount } from '../postgres/account.ts'
import type { Binaries } from '../postgres/binaries.ts'
import { superuser } from '../postgres/superuser.ts'
import { lostName } from '../run/place-restored.ts'

/**
 * What a person types next, once a directory is restored and recovered: to look into it, or to put it in the place of the lost one.
 * @param options.live the data directory of the development environment.
 */
export function afterRestore(options: {
  system: string
  database: string
  dataDirectory: string
  live: string
  /** What lay there is put aside under this moment, in milliseconds. */
  nowMs: number
  /** As the person named the moment. */
  at: string
  /** There is a standby, or was one: directories moved by hand would not be what the pair says. */
  paired: boolean
  binaries: Pick<Binaries, 'directory'>
  /** To look into it on; one that hardly anything else takes unless told. */
  port?: number
}): string {
  const { system, database, live, port = 54_329 } = options
  const [to, place, secret] = [options.dataDirectory, live, `${options.dataDirectory}.secret`].map(quoted)
  const lost = lostName(live, options.nowMs)
  const account = serverAccount()
  const as = account === undefined ? '' : `runuser -u ${account.name} -- `
  const postgres = quoted(join(options.binaries.directory, 'postgres'))
  return `To look into it, in two terminals; Ctrl-C ends the first:
  ${as}${postgres} -D ${to} -p ${port} -k /tmp
  PGPASSWORD=$(cat ${secret}) psql -h 127.0.0.1 -p ${port} -U ${superuser} ${database}
${
  options.paired
    ? again(system, options.at)
    : `To run ${system} on it, once no \`aval up\` runs:
  mv ${place} ${quoted(lost)}; mv ${quoted(`${live}.secret`)} ${quoted(`${lost}.secret`)}
  mv ${to} ${place} && mv ${secret} ${quoted(`${live}.secret`)}
  aval up ${system}
`
}`
}

/** With a pair more than one directory has to move, in an order. */
function again(system: string, at: string): string {
  return `To run ${system} on this state, which dissolves the pair with its standby, once no \`aval up\` runs:
  aval restore ${system} --at ${quoted(at)} --in-place
  aval up ${system}
`
}

function quoted(path = ''): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
