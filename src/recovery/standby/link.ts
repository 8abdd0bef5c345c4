import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeIdentifier, escapeLiteral } from 'pg'
import { z } from 'zod'
import type { Account } from '../../postgres/account.ts'
import { withClient } from '../../postgres/connection.ts'
import { scramVerifier } from '../../postgres/scram.ts'
import { type Server, serverUrl } from '../../postgres/server.ts'
import { writeOwned } from '../durable.ts'
import { standbyName, withoutStandby, withStandby } from '../wal/synchronous-names.ts'

/*
 * How a standby reaches its primary: a role that may replicate and nothing else, its password in a file only the server's
 * account reads, a slot that keeps the WAL the standby has not seen, a name that synchronous_standby_names can ask for.
 */

export const replicationRole = 'aval_replication'

/** Where a primary listens. A standby connects to it itself, never through the address the services use. */
export interface PrimaryAddress {
  host: string
  port: number
}

/** The password of the replication role, made when there is none; the file is readable to Aval's account alone. */
export async function loadOrCreateReplicationPassword(file: string): Promise<string> {
  const known = (await readFile(file, 'utf8').catch(() => '')).trim()
  if (/^[0-9a-f]{48}$/.test(known)) return known
  const password = randomBytes(24).toString('hex')
  const draft = `${file}.new`
  await writeFile(draft, `${password}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
  return password
}

/** Makes the role on a primary. Its password reaches the server as a verifier only. */
export async function ensureReplicationRole(primary: Server, password: string): Promise<void> {
  await withClient(primary.url(), async (client) => {
    // A standby that is away must not keep the making of its own successor waiting.
    await client.query('SET synchronous_commit = local')
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [replicationRole])
    const verb = rowCount === 0 ? 'CREATE' : 'ALTER'
    await client.query(
      `${verb} ROLE ${escapeIdentifier(replicationRole)} LOGIN REPLICATION PASSWORD ${escapeLiteral(scramVerifier(password))}`,
    )
  })
}

export function replicationUrl({ host, port }: PrimaryAddress, password: string): string {
  return serverUrl({ user: replicationRole, password, host, port, database: 'postgres' })
}

const signal = 'standby.signal'

/**
 * Makes a data directory that of a standby: Postgres itself takes no writes on it from then on, whoever starts it.
 * @param wait `wal_receiver_timeout` in milliseconds
 */
export async function writeStandbySettings(
  dataDirectory: string,
  primary: PrimaryAddress,
  password: string,
  account: Account | undefined,
): Promise<void> {
  const passfile = `${dataDirectory}.passfile`
  await writeOwned(passfile, `*:*:*:${replicationRole}:${password}\n`, account)
  const conninfo = {
    host: primary.host,
    port: String(primary.port),
    user: replicationRole,
    passfile,
    application_name: standbyName,
    // The embedded server has no TLS; where there is some it is used.
    sslmode: 'prefer',
  }
  await replaceSettings(
    dataDirectory,
    {
      primary_conninfo: Object.entries(conninfo)
        .map(([name, value]) => `${name}='${value.replace(/['\\]/g, '\\$&')}'`)
        .join(' '),
      primary_slot_name: standbyName,
      recovery_target_timeline: 'latest',
      wal_retrieve_retry_interval: '200ms',
      wal_receiver_status_interval: '1s',
      wal_receiver_timeout: '10s',
      // Once promoted it has no standby of its own, and a commit would wait for ever.
      synchronous_standby_names: '',
    },
    account,
  )
  await writeOwned(join(dataDirectory, signal), '', account)
}

/** Puts settings last in postgresql.auto.conf, which Postgres reads last and rewrites itself without its comments. */
async function replaceSettings(
  dataDirectory: string,
  settings: Readonly<Record<string, string>>,
  account: Account | undefined,
): Promise<void> {
  const file = join(dataDirectory, 'postgresql.auto.conf')
  const before = await readFile(file, 'utf8').catch(() => '')
  const others = before.split('\n').filter((line) => !Object.hasOwn(settings, line.split(/[ =]/, 1)[0] ?? ''))
  const ours = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  const draft = `${file}.new`
  await writeOwned(draft, `${[...others.filter((line) => line !== ''), ...ours].join('\n')}\n`, account)
  await rename(draft, file)
}

/**
 * Makes commits of a primary wait until the standby has them on disk, or no longer wait; those that wait are let go then.
 * Whoever else commits wait for, such as a receiver of WAL, is waited for as before.
 */
export async function setSynchronous(primary: Server, synchronous: boolean): Promise<void> {
  await withClient(primary.url(), async (client) => {
    const { rows } = await client.query("SELECT current_setting('synchronous_standby_names') AS names")
    const { names } = z.object({ names: z.string() }).parse(rows[0])
    const wanted = synchronous ? withStandby(names) : withoutStandby(names)
    if (wanted === names) return
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = ${escapeLiteral(wanted)}`)
    await client.query('SELECT pg_reload_conf()')
  })
}
