import type { BackupInfo } from '../backup/backup-info.ts'
import { layout, type ParsedKey } from '../repository/layout.ts'
import { type Repository, readWhole } from '../repository/repository.ts'
import type { VerifyProblem } from '../repository/verify-problem.ts'
import { type Lsn, parseLsn, type Segment } from '../wal/lsn.ts'
import type { WalInventory } from '../wal/wal-inventory.ts'
import { isAboveFloor, readFloor, type WalFloor } from './wal-floor.ts'

/** What of a repository is on its way out, so that its absence is no loss and its presence no surprise. */
export interface Removal {
  /** Backups with a tombstone. */
  begun: ReadonlySet<string>
  floor: WalFloor
  /** Whether a backup cannot be restored, or not to every moment, without a segment. */
  needs(info: BackupInfo, segment: Segment, segmentBytes: number): boolean
}

type Check = <T>(key: string, means: string, backups: string[], work: () => Promise<T>) => Promise<T | undefined>

/** Reads what retention wrote down; each object of it is opened and checked. */
export async function readRemoval(
  repository: Repository,
  parsed: ReadonlyMap<string, ParsedKey>,
  check: Check,
): Promise<Removal> {
  const meanings: Partial<Record<ParsedKey['kind'], string>> = {
    removed: 'Why its backup is being removed cannot be told.',
    hold: 'Whether its backup is held cannot be told.',
    checked: 'When its backup was verified cannot be told.',
    reading: 'What a restore reads cannot be told.',
    lease: 'Who may write to the repository cannot be told.',
    erasure: 'Whose data must be erased again after a restore cannot be told.',
  }
  const begun = new Set<string>()
  for (const [key, what] of parsed) {
    if (what.kind === 'removed') begun.add(what.id)
    const means = meanings[what.kind]
    if (means !== undefined) await check(key, means, [], () => whileThere(repository, key))
  }
  const floor =
    (await check(layout.floor, 'From where on the WAL is whole cannot be told.', [], () => readFloor(repository))) ??
    new Map<number, Lsn>()
  const needs = (info: BackupInfo, { timeline, number }: Segment, segmentBytes: number) => {
    const [start, stop] = [parseLsn(info.startLsn), parseLsn(info.stopLsn)]
    const size = BigInt(segmentBytes)
    if ((number + 1n) * size <= start) return false
    return (
      isAboveFloor(floor, { timeline: info.timeline, start }) || (timeline === info.timeline && number * size < stop)
    )
  }
  return { begun, floor, needs }
}

/** A mark or a lease that is let go, or a tombstone whose work is done, may vanish between the list and the look, or during it. */
async function whileThere(repository: Repository, key: string): Promise<void> {
  try {
    await readWhole(repository, key)
  } catch (error) {
    if ((await repository.store.stat(key)) !== undefined) throw error
  }
}

/** What a removal that was broken off has still to do. No fault: nothing depends on it any more. */
export function unfinishedRemovals(
  removal: Removal,
  infos: readonly BackupInfo[],
  inventory: WalInventory | undefined,
): VerifyProblem[] {
  const next = '`aval backup prune` goes on with it.'
  const problems = [...removal.begun].sort().map((id): VerifyProblem => {
    const says = `The removal of the backup ${id} was begun and is not finished. ${next}`
    return { key: layout.removed(id), kind: 'unfinished', says, backups: [] }
  })
  for (const [timeline, floor] of inventory ? removal.floor : []) {
    const segmentBytes = inventory?.segmentBytes ?? 1
    const left = [...(inventory?.timelines.get(timeline)?.values() ?? [])].filter(
      ({ segment }) =>
        (segment.number + 1n) * BigInt(segmentBytes) <= floor &&
        !infos.some((info) => removal.needs(info, segment, segmentBytes)),
    )
    const [first] = left.toSorted((a, b) => (a.segment.number < b.segment.number ? -1 : 1))
    if (!first) continue
    const says = `The removal of WAL that nothing needs was begun; ${left.length} segments from here on are left. ${next}`
    problems.push({ key: layout.segment(first.segment, segmentBytes), kind: 'unfinished', says, backups: [] })
  }
  return problems
}

/** Backups that somebody began to remove while the verification was reading. */
export async function removedMeanwhile(
  repository: Repository,
  infos: readonly BackupInfo[],
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>()
  for (const { id } of infos) {
    const there = await repository.store.stat(layout.backup(id))
    const listed = await repository.store.stat(layout.listed(id))
    if ((await repository.store.stat(layout.removed(id))) || (!there && !listed)) gone.add(id)
  }
  return gone
}

/** Whether a problem is only that what somebody removed meanwhile was no longer there. */
export function concernsOnly({ kind, backups }: VerifyProblem, gone: ReadonlySet<string>): boolean {
  return kind === 'missing' && backups.length > 0 && backups.every((id) => gone.has(id))
}
