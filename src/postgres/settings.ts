import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../errors.ts'
import { ownAccountName } from './account.ts'
import { writeClusterFile } from './cluster.ts'
import { superuser } from './superuser.ts'

export type Settings = Record<string, string | number | boolean>

/*
 * Settings stand in files of our own inside the data directory, so that a restored directory carries those it was written
 * under: a standby refuses to replay with fewer connections or locks than the server that wrote. What belongs to one run
 * only (port, socket) goes on the command line instead.
 */

const ourFile = 'aval.conf'
const planFile = 'aval-plan.conf'

/** What every server of Aval has, whatever the plan says. */
const base: Settings = {
  wal_level: 'replica',
  max_wal_senders: 10,
  max_replication_slots: 10,
  hot_standby: true,
  wal_log_hints: true,
  max_slot_wal_keep_size: '2GB',
  // A server that was restored or promoted has no slot for its receiver yet, and would recycle the first WAL of its new timeline.
  wal_keep_size: '256MB',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
}

/**
 * What no plan may change: Aval finds the server by some of them, and the others are how a log stays free of people's data.
 */
const fixed: Settings = {
  listen_addresses: '127.0.0.1',
  log_destination: 'stderr',
  logging_collector: false,
  log_line_prefix: '%e %b [%p] ',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_parameter_max_length: 0,
  log_parameter_max_length_on_error: 0,
  debug_print_parse: false,
  debug_print_rewritten: false,
  debug_print_plan: false,
  fsync: true,
  full_page_writes: true,
}

const reserved = new Set([
  ...Object.keys(fixed),
  'port',
  'unix_socket_directories',
  'unix_socket_permissions',
  'data_directory',
  'config_file',
  'hba_file',
  'ident_file',
  'external_pid_file',
  'password_encryption',
  'lc_messages',
])

/** Whether a plan may not name it: Aval decides it, or Postgres could have no setting of that name. */
export function isReserved(name: string): boolean {
  return reserved.has(name.toLowerCase()) || !settingName.test(name)
}

const settingName = /^[A-Za-z_][A-Za-z0-9_.]*$/

/**
 * Writes the settings and the access rules of a cluster.
 * @param settings of the plan; undefined keeps those the directory came with.
 * @param access who may connect once it is started.
 * @throws POSTGRES_SETTING_RESERVED for a setting that is Aval's own.
 */
export async function writeSettings(
  dataDirectory: string,
  settings: Settings | undefined,
  access: Access = 'everybody',
): Promise<void> {
  for (const name of Object.keys(settings ?? {})) {
    if (isReserved(name)) throw failure('POSTGRES_SETTING_RESERVED', { name })
  }
  await writeClusterFile(dataDirectory, ourFile, `${lines(base)}\ninclude_if_exists '${planFile}'\n${lines(fixed)}\n`)
  if (settings) await writeClusterFile(dataDirectory, planFile, `${lines(settings)}\n`)
  await includeOnce(join(dataDirectory, 'postgresql.conf'))
  await writeClusterFile(dataDirectory, 'pg_ident.conf', `aval ${quote(ownAccountName())} ${superuser}\n`)
  await writeAccess(dataDirectory, access)
}

/** Who may connect: everybody who has a password, or Aval alone while nobody else must see what is there. */
export type Access = 'everybody' | 'superuser'

/** Writes the access rules; a server that runs follows them after a reload. */
export async function writeAccess(dataDirectory: string, access: Access): Promise<void> {
  const who = access === 'everybody' ? 'all' : superuser
  // On the socket, in a folder only the server account enters, Aval's own account is the superuser: passwords elsewhere.
  const rules = `
local all         ${superuser} peer map=aval
local replication ${superuser} peer map=aval
local all         ${who} scram-sha-256
local replication ${who} scram-sha-256
host  all         ${who} 127.0.0.1/32 scram-sha-256
host  all         ${who} ::1/128      scram-sha-256
host  replication ${who} 127.0.0.1/32 scram-sha-256
host  replication ${who} ::1/128      scram-sha-256
`
  await writeClusterFile(dataDirectory, 'pg_hba.conf', rules)
}

async function includeOnce(file: string): Promise<void> {
  const line = `include_if_exists '${ourFile}'`
  const text = await readFile(file, 'utf8')
  if (!text.split('\n').includes(line)) await appendFile(file, `\n${line}\n`)
}

function lines(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
      return `${name} = '${text.replaceAll("'", "''").replaceAll('\n', ' ')}'`
    })
    .join('\n')
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
