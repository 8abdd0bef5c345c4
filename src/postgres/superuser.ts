import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { escapeLiteral } from 'pg'
import { withClient } from './connection.ts'
import { matchesVerifier, scramVerifier } from './scram.ts'

/** The superuser of every cluster Aval makes. */
export const superuser = 'aval'

/** File that keeps the superuser's password, beside the data directory and never in it: a backup must not carry it. */
function secretFile(dataDirectory: string): string {
  return `${dataDirectory}.secret`
}

/** The password of a data directory, made when there is none yet. The file is readable to Aval's account alone. */
export async function loadOrCreatePassword(dataDirectory: string): Promise<string> {
  const known = await readPassword(dataDirectory)
  if (known !== undefined) return known
  const password = randomBytes(24).toString('hex')
  const file = secretFile(dataDirectory)
  await writeFile(file, `${password}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return password
}

export async function readPassword(dataDirectory: string): Promise<string | undefined> {
  const text = await readFile(secretFile(dataDirectory), 'utf8').catch(() => '')
  const password = text.trim()
  return /^[0-9a-f]{48}$/.test(password) ? password : undefined
}

/**
 * Gives the superuser this password unless it has it already: a new cluster has none, a restored one has that of the machine
 * it comes from. The server must take writes.
 * @param socketUrl connection through the socket, where Aval's own account is the superuser.
 */
export async function setPassword(socketUrl: string, password: string): Promise<void> {
  await withClient(socketUrl, async (client) => {
    const { rows } = await client.query<{ rolpassword: string | null }>(
      'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
      [superuser],
    )
    if (matchesVerifier(rows[0]?.rolpassword ?? null, password)) return
    // A standby the settings name may not be there yet, and the first commit must not wait for it.
    await client.query('SET synchronous_commit = local')
    await client.query(`ALTER ROLE ${superuser} PASSWORD ${escapeLiteral(scramVerifier(password))}`)
  })
}
