import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '../../postgres/account.ts'
import { writeOwned } from '../durable.ts'
import type { RestorePoint } from './restore-point.ts'

/*
 * How Postgres is told to recover. The lines stand at the end of postgresql.auto.conf, which is read last, and are taken out
 * again when recovery is over.
 */

const begin = '# recovery by Aval begins; removed once it is over'
const end = '# recovery by Aval ends'

/**
 * Writes the settings of a recovery and the signal that asks for one.
 * @param command the shell's way to a file of WAL; from the folder `wal` that holds all of it unless told.
 */
export async function writeRecoverySettings(
  directory: string,
  wal: string,
  point: RestorePoint,
  account: Account | undefined,
  command = restoreCommand(wal),
): Promise<void> {
  const settings: Record<string, string> = {
    restore_command: command,
    recovery_target_timeline: String(point.timeline),
    recovery_target_action: 'promote',
    recovery_end_command: '',
    archive_cleanup_command: '',
    primary_conninfo: '',
    primary_slot_name: '',
    // Postgres refuses two targets even when one of them is empty, so that none is named for the latest state.
    ...targetOf(point),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  const file = join(directory, 'postgresql.auto.conf')
  const before = withoutStandbys(withoutBlock(await readFile(file, 'utf8').catch(() => '')))
  await writeOwned(file, `${before}${[begin, ...lines, end].join('\n')}\n`, account)
  await writeOwned(join(directory, 'recovery.signal'), '', account)
}

function targetOf({ at, asMade }: RestorePoint): Record<string, string> {
  if (asMade) return { recovery_target: 'immediate' }
  return at === 'latest' ? {} : { recovery_target_time: targetTime(at), recovery_target_inclusive: 'on' }
}

/** Takes the settings out again. */
export async function removeRecoverySettings(directory: string): Promise<void> {
  const file = join(directory, 'postgresql.auto.conf')
  const text = await readFile(file, 'utf8')
  if (text.includes(begin)) await writeFile(file, withoutBlock(text))
}

function withoutBlock(text: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  return from < 0 || to < from ? text : text.slice(0, from) + text.slice(to + end.length + 1)
}

/** The standbys that the lost server's commits waited for are not those of the restored one: its first commit would wait for ever. */
function withoutStandbys(text: string): string {
  return text.replace(/^\s*synchronous_standby_names\s*=.*\n?/gm, '')
}

/** Postgres does not take the `Z` of RFC 3339 here, only an offset. */
export function targetTime(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '+00')
}

/** `%` is Postgres's own escape, quotes are the shell's. The test keeps `cp` from complaining of files that need not be there. */
export function restoreCommand(wal: string): string {
  const file = `'${wal.replaceAll('%', '%%').replaceAll("'", `'\\''`)}/%f'`
  return `test -f ${file} && cp ${file} "%p"`
}
