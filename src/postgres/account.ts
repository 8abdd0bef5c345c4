import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { failure } from '../errors.ts'

/** An account of the machine that a server runs as. */
export interface Account {
  uid: number
  gid: number
  name: string
}

/**
 * The account a server must run as: Postgres refuses root, so that a root Aval hands its servers to `postgres` where the
 * machine has it, else to `nobody`.
 * @returns undefined when Aval is an ordinary user and simply runs servers as itself.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readAccounts()
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const account = accounts.find((candidate) => candidate.name === name)
    if (account) return account
  }
  throw failure('POSTGRES_NO_ACCOUNT', {})
}

/** Name of the account Aval itself runs as, which the server's socket knows its superuser by. */
export function ownAccountName(): string {
  return userInfo().username
}

function readAccounts(): Account[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [name, , uid, gid] = line.split(':')
      if (!name || name.startsWith('#') || uid === undefined || gid === undefined) return []
      // macOS writes nobody's number as -2; the system calls take it unsigned.
      return [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }]
    })
}
