import type { SyncApi } from './api.ts'
import { markType } from './commitment/mark.ts'
import type { Warning } from './commitment/notice.ts'
import type { Change, Track } from './commitment/track.ts'
import type { EntityRecord, LocalStore, SyncState } from './local-store.ts'
import { onServer, pushAgain, reconcile } from './reconcile.ts'
import type { TamperReport } from './report.ts'
import { beginRewalk, EpochWentBack, wasAway, writtenLately } from './rewalk.ts'
import type { Sealer } from './sealed-entity.ts'
import { fromWire, type PullAnswer } from './wire.ts'

export interface PullReport {
  /** Entities of which a newer version was taken over. */
  pulled: string[]
  conflicts: string[]
  tampering: TamperReport[]
  /** Entities this device will push again: the server lost them. */
  pushAgain: string[]
  /** Entities that were deleted elsewhere while this device was away for months; they are gone from here too. */
  dropped: string[]
  /** The last page was empty: what is here is what the server showed at that moment, and nothing was on its way past it. */
  exact: boolean
  /** What a person has to know about the server. */
  warnings: Warning[]
  /** The first pull of a device that was handed no mark: there was nothing to hold the server to, and what it showed may be old. */
  firstUse: boolean
}

/**
 * Takes over every change since the last pull. Pages are saved together with the cursor after them, so that an interrupted
 * pull goes on where it was.
 */
export async function pull(
  api: Pick<SyncApi, 'pull' | 'limits'>,
  store: LocalStore,
  sealer: Sealer,
  track?: Track,
  now: () => number = Date.now,
): Promise<PullReport> {
  const report: PullReport = {
    pulled: [],
    conflicts: [],
    tampering: [],
    pushAgain: [],
    dropped: [],
    exact: false,
    warnings: [],
    firstUse: false,
  }
  let restarted = false
  let expired = 0
  // Whatever is deleted from here on, this pull or a later one meets.
  const startedAt = now()
  // The next page is on its way while this one is opened and saved.
  let ahead: ReturnType<SyncApi['pull']> | undefined
  const { page } = await api.limits()
  for (;;) {
    const state = await store.state()
    const result = await (ahead ?? api.pull(state.cursor, page))
    ahead = undefined
    if (result.outcome === 'epoch-changed') {
      await store.save([], restored(state, result.epoch, result.cursor))
      continue
    }
    if (result.outcome === 'bad-cursor') {
      if (restarted) throw new Error('the server refuses the cursor it gave')
      restarted = true
      await store.save([], beginRewalk(state, 'cursor-lost', state.epoch, undefined))
      continue
    }
    if (result.outcome === 'expired') {
      // Tombstones can be cleared away while a walk goes on, once a day; more often only in bad faith.
      if (++expired > 2) throw new Error('the server lets no walk come to its end')
      const away = wasAway(state, now())
      const reason = away || state.freshAt === undefined ? 'away' : 'cursor-lost'
      await store.save([], beginRewalk(state, reason, state.epoch, undefined))
      continue
    }
    const { page: given } = result
    if (state.epoch !== undefined && given.epoch < state.epoch) throw new EpochWentBack()
    if (state.epoch !== undefined && given.epoch > state.epoch) {
      // A walk from the start has no cursor that could have told it.
      await store.save([], restored(state, given.epoch, undefined))
      continue
    }
    const next: SyncState = {
      ...state,
      epoch: given.epoch,
      cursor: given.cursor,
      // A device that holds nothing yet has nothing to lose by deletions of before.
      freshAt: given.has_more ? (state.freshAt ?? startedAt) : startedAt,
    }
    if (given.has_more) {
      ahead = api.pull(given.cursor, page)
      // It is awaited in the next turn; until then a failure of this one must not leave it unheard.
      ahead.catch(() => undefined)
    }
    const changes = await takePage(given, next, store, sealer, report)
    const marks = track?.(next.marks, changes) ?? next.marks
    await store.save(
      changes.map(({ after }) => after),
      { ...next, marks },
    )
    if (given.has_more) continue
    report.exact = given.entities.length === 0
    if (next.rewalk !== undefined) {
      await finishRewalk({ ...next, marks }, store, report, wasAway(state, startedAt), startedAt, track)
    }
    return report
  }
}

function restored(state: SyncState, epoch: number, cursor: string | undefined): SyncState {
  if (state.epoch !== undefined && epoch < state.epoch) throw new EpochWentBack()
  return beginRewalk(state, 'restored', epoch, cursor)
}

async function takePage(
  page: PullAnswer,
  state: SyncState,
  store: LocalStore,
  sealer: Sealer,
  report: PullReport,
): Promise<Change[]> {
  const changes: Change[] = []
  for (const row of page.entities) {
    const before = await store.get(row.id)
    const { record, outcome } = reconcile(before, fromWire(row), state, sealer)
    changes.push({ before, after: record, acknowledged: outcome === 'same' && wroteIt(before, record) })
    // Marks are between the devices: a person has no conflict with them.
    const marks = row.entity_type === markType
    if (outcome === 'same') continue
    if (outcome === 'adopted') report.pulled.push(...(marks ? [] : [row.id]))
    else if (outcome === 'conflict') report.conflicts.push(...(marks ? [] : [row.id]))
    else if (outcome === 'push-again') report.pushAgain.push(...(marks ? [] : [row.id]))
    else report.tampering.push({ id: row.id, what: outcome })
  }
  return changes
}

/** An own write was met on the server: its acknowledgement was lost. */
function wroteIt(before: EntityRecord | undefined, after: EntityRecord): boolean {
  return before !== undefined && before.pending.length > after.pending.length
}

/**
 * What the server had and has no more is pushed again; or given up, where it was deleted while this device was away. What was
 * written here meanwhile stays, as a conflict with nothing: a person decides.
 */
async function finishRewalk(
  state: SyncState,
  store: LocalStore,
  report: PullReport,
  away: boolean,
  startedAt: number,
  track: Track | undefined,
): Promise<void> {
  const met = (record: EntityRecord) => record.seenInWalk === state.walk
  const held = (await store.all()).filter((record) => !met(record))
  const isGone = (record: EntityRecord) => away && wasOnServer(record) && !writtenLately(record, startedAt)
  const gone = held.filter(isGone)
  const changes = gone.map((before) => ({ before, after: dropped(before, state.walk), acknowledged: false }))
  for (const { before, after } of changes) {
    if (before.type === markType) continue
    if (after.conflict === undefined) report.dropped.push(before.id)
    else report.conflicts.push(before.id)
  }
  const missing = held.filter(
    (record) => !isGone(record) && (record.confirmed !== undefined || record.conflict !== undefined),
  )
  for (const { id, type, confirmed } of missing) {
    if (confirmed === undefined) continue
    if (type !== markType) report.pushAgain.push(id)
    // Only a restore explains it.
    if (state.rewalk === 'cursor-lost') report.tampering.push({ id, what: 'missing' })
  }
  const again = missing.map((record) => ({ ...pushAgain(onServer(record, 0), 0), seenInWalk: state.walk }))
  const marks = track?.(state.marks, changes) ?? state.marks
  await store.save([...changes.map(({ after }) => after), ...again], { ...state, marks, rewalk: undefined })
}

/** Held by the server once, or perhaps: a write whose answer never came may have been there, and been deleted since. */
function wasOnServer({ confirmed, pending }: EntityRecord): boolean {
  return confirmed !== undefined || pending.some(({ sent }) => sent)
}

function dropped(record: EntityRecord, walk: number): EntityRecord {
  // What only waited to be brought back is no work of this device's person.
  const pending = record.pending.filter(({ sealed }) => sealed.checksum !== record.confirmed?.sealed.checksum)
  const conflict = pending.length > 0 ? { serverVersion: 0, serverChecksum: '' } : undefined
  return { ...record, confirmed: undefined, pending, conflict, seenInWalk: walk }
}
