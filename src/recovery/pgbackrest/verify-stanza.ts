import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AvalError } from '../../errors.ts'
import type { Repository } from '../repository/repository.ts'
import type { VerifyReport } from '../repository/verify.ts'
import type { VerifyProblem } from '../repository/verify-problem.ts'
import { archivedSegments, findHole } from './archived-wal.ts'
import { readBackups } from './backup-info.ts'
import { readKeptMark } from './kept-mark.ts'
import type { Stanza } from './stanza.ts'

/**
 * Has pgBackRest read every file of its repository, and looks for holes in the WAL, which its own verification passes over.
 */
export async function verifyStanza(
  stanza: Stanza,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<VerifyReport> {
  const problems: VerifyProblem[] = []
  const backups = await readBackups(stanza).catch((error: unknown) => {
    if (!(error instanceof AvalError) || error.code !== 'OBJECT_DAMAGED') throw error
    problems.push({ key: `backup/${stanza.name}/backup.info`, kind: 'damaged', says: error.message, backups: [] })
    return []
  })
  const text = backups.length === 0 ? '' : await stanza.run(['verify', '--output=text', '--verbose'], { signal })
  for (const { of, valid, says } of readVerification(text)) {
    if (valid) continue
    const affected = backups.filter(({ id }) => of === 'archive' || id === of).map(({ id }) => id)
    const key = of === 'archive' ? `archive/${stanza.name}` : `backup/${stanza.name}/${of}`
    problems.push({ key, kind: 'damaged', says: `pgBackRest: ${says}.`, backups: affected })
  }
  const mark = await readKeptMark(repository)
  const segments = backups.length === 0 ? [] : await archivedSegments(stanza)
  const holes = new Map<string, string[]>()
  for (const backup of backups) {
    if (backup.engine !== 'pgbackrest') continue
    const hole = findHole(segments, backup.detail.walStart, mark?.walSegmentBytes ?? 16 * 2 ** 20, mark)
    if (hole !== undefined) holes.set(hole, [...(holes.get(hole) ?? []), backup.id])
  }
  for (const [hole, affected] of holes) {
    const says = 'This segment of WAL is missing; moments after it cannot be restored.'
    problems.push({ key: `archive/${stanza.name}/${hole}`, kind: 'missing', says, backups: affected })
  }
  const affected = new Set(problems.flatMap((problem) => problem.backups))
  return {
    sound: problems.length === 0,
    ...(await sizeOf(stanza.place)),
    backups: backups.map(({ id }) => ({ id, sound: !affected.has(id) })),
    problems,
  }
}

/** What `verify --output=text --verbose` says of the archive and of each backup. */
export function readVerification(text: string): { of: string; valid: boolean; says: string }[] {
  const found: { of: string; valid: boolean; says: string }[] = []
  for (const line of text.split('\n')) {
    const backup = /^ +backup: ([^ ,]+), status: (\w+)/.exec(line)
    const archive = /^ +archiveId: [^,]+, total WAL checked: (\d+), total valid WAL: (\d+)/.exec(line)
    const overall = /^ *status: (?!ok)(.*)$/.exec(line)
    const counts = /^ +missing: .*/.exec(line)
    const other = /^ +(No usable .*)/.exec(line)
    const last = found.at(-1)
    if (backup?.[1]) found.push({ of: backup[1], valid: backup[2] === 'valid', says: `its status is ${backup[2]}` })
    else if (archive) found.push({ of: 'archive', valid: archive[1] === archive[2], says: 'WAL is damaged' })
    else if (counts && last && !last.valid) last.says += `, ${line.trim()}`
    else if (other?.[1]) found.push({ of: 'archive', valid: false, says: other[1] })
    else if (overall?.[1] && overall[1] !== 'error') found.push({ of: 'archive', valid: false, says: overall[1] })
  }
  return found
}

async function sizeOf(place: string): Promise<{ objects: number; bytes: number }> {
  let [objects, bytes] = [0, 0]
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    objects++
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0
  }
  return { objects, bytes }
}
