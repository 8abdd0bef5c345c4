import type { PushResult, StorageRoom, SyncApi } from './api.ts'
import { markType } from './commitment/mark.ts'
import type { Track } from './commitment/track.ts'
import type { ServerLimits } from './limits.ts'
import type { EntityRecord, LocalStore, PendingWrite } from './local-store.ts'
import type { TamperReport } from './report.ts'
import { beginRewalk, EpochWentBack } from './rewalk.ts'
import type { SealedEntity } from './sealed-entity.ts'

export interface PushReport {
  /** Acknowledged by the server. */
  pushed: SealedEntity[]
  /** Entities another device wrote first. */
  conflicts: string[]
  /** Entities the server refuses as they are. */
  setAside: { id: string; reason: string; detail: string }[]
  tampering: TamperReport[]
  /** Set when the server has no room for what is left. */
  full: StorageRoom | undefined
  /** The server was restored: pull before pushing on. */
  restored: boolean
}

const batchEntities = 50
const batchBytes = 3 * 1_048_576
/** Bytes of JSON for a byte of blob, and for whatever else stands beside it, at most. */
const jsonBytes = 4 / 3
const besideBytes = 1_024

/**
 * Sends what waits, the oldest write of each entity first, until nothing is left that the server may accept. What it refuses
 * is marked and left out of the next batch, so that one bad entity never holds up the others. Where the server has no room
 * left, deletions go first, since they make some; then ever smaller batches, down to the one that does not fit.
 */
export async function push(
  api: SyncApi,
  store: LocalStore,
  track?: Track,
  now: () => number = Date.now,
): Promise<PushReport> {
  const report: PushReport = {
    pushed: [],
    conflicts: [],
    setAside: [],
    tampering: [],
    full: undefined,
    restored: false,
  }
  const limits = await api.limits()
  let choice: Choice = { entities: Math.min(batchEntities, limits.batch), of: 'all', deletionsWent: false }
  for (;;) {
    const batch = nextBatch(await store.waiting(), choice, limits)
    if (batch.length === 0 && choice.of === 'deletions') {
      choice = { ...choice, of: 'all', deletionsWent: true }
      continue
    }
    if (batch.length === 0) return report
    const state = await store.state()
    // Noted before it is sent: a write that may be on the server is never replaced, only repeated.
    const marked = batch.map(({ record, write }) => ({
      ...record,
      pending: [{ ...write, sent: true }, ...record.pending.slice(1)],
    }))
    await store.save(marked)
    const result = await api.push(
      batch.map(({ write }) => write),
      state.epoch,
    )
    if (result.outcome === 'epoch-changed') {
      if (state.epoch !== undefined && result.epoch < state.epoch) throw new EpochWentBack()
      await store.save([], beginRewalk(state, 'restored', result.epoch, result.cursor))
      return { ...report, restored: true }
    }
    if (result.outcome === 'full') {
      // Refused as a whole: what had not been sent before is not on the server, and may be replaced. One alone never is.
      await store.save(batch.map(({ record, write }) => (batch.length > 1 ? record : unsent(record, write))))
      if (batch.length === 1 && choice.of === 'all' && choice.deletionsWent) return { ...report, full: result.room }
      choice = smaller(choice, batch.length)
      continue
    }
    if (result.outcome === 'accepted')
      await acknowledge(store, marked, { epoch: result.epoch, at: now() }, report, track)
    else await mark(store, marked, result, state.epoch, report, track)
  }
}

/** How the next batch is chosen. */
interface Choice {
  entities: number
  of: 'all' | 'deletions'
  /** Whatever deletions make room have been sent. */
  deletionsWent: boolean
}

/** What to try after a batch of `size` found no room. */
function smaller(choice: Choice, size: number): Choice {
  if (choice.of === 'all' && !choice.deletionsWent) return { ...choice, of: 'deletions' }
  if (size > 1) return { ...choice, entities: Math.ceil(size / 2) }
  return { ...choice, of: 'all', deletionsWent: true }
}

function unsent(record: EntityRecord, write: PendingWrite): EntityRecord {
  return { ...record, pending: [{ ...write, sent: false }, ...record.pending.slice(1)] }
}

interface Waiting {
  record: EntityRecord
  write: PendingWrite
}

function nextBatch(records: readonly EntityRecord[], choice: Choice, limits: ServerLimits): Waiting[] {
  const mostBytes = Math.min(batchBytes, limits.bodyBytes / jsonBytes)
  const batch: Waiting[] = []
  let bytes = 0
  for (const record of records) {
    const [write] = record.pending
    if (write === undefined || (choice.of === 'deletions' && !write.sealed.deleted)) continue
    bytes += write.sealed.blob.length + besideBytes
    if (batch.length > 0 && (batch.length >= choice.entities || bytes > mostBytes)) break
    batch.push({ record, write })
  }
  return batch
}

async function acknowledge(
  store: LocalStore,
  batch: readonly EntityRecord[],
  { epoch, at }: { epoch: number; at: number },
  report: PushReport,
  track: Track | undefined,
): Promise<void> {
  const state = await store.state()
  const records = batch.map((record) => {
    const [write, ...rest] = record.pending
    if (write === undefined) return record
    if (record.type !== markType) report.pushed.push(write.sealed)
    return {
      ...record,
      confirmed: { sealed: write.sealed, epoch },
      pushedAt: at,
      pending: rest,
      seenInWalk: state.walk,
    }
  })
  // A device that pushes before it ever pulled knows the epoch from here on, and so notices a restore.
  const changes = records.map((after, index) => ({ before: batch[index], after, acknowledged: true }))
  const marks = track?.(state.marks, changes) ?? state.marks
  await store.save(records, { ...state, epoch: state.epoch ?? epoch, marks })
}

async function mark(
  store: LocalStore,
  batch: readonly EntityRecord[],
  { refused }: Extract<PushResult, { outcome: 'refused' }>,
  epoch: number | undefined,
  report: PushReport,
  track: Track | undefined,
): Promise<void> {
  const changed: EntityRecord[] = []
  for (const record of batch) {
    const rejection = refused.rejected.find(({ id }) => id === record.id)
    const conflict = refused.conflicts.find(({ id }) => id === record.id)
    if (rejection !== undefined) {
      const { reason, detail } = rejection
      if (record.type !== markType) report.setAside.push({ id: record.id, reason, detail })
      changed.push({ ...record, setAside: { reason, detail } })
    } else if (conflict !== undefined) {
      const { server_version: serverVersion, server_checksum: serverChecksum } = conflict
      // In one epoch a version that was seen stays: the server has gone back without saying so.
      if (record.confirmed?.epoch === epoch && serverVersion < (record.pending[0]?.base ?? 0)) {
        report.tampering.push({ id: record.id, what: serverVersion === 0 ? 'missing' : 'replayed' })
      }
      if (record.type !== markType) report.conflicts.push(record.id)
      changed.push({ ...record, conflict: { serverVersion, serverChecksum } })
    }
  }
  // A refusal that names nothing we sent would be sent again for ever.
  if (changed.length === 0) throw new Error('the server refused a push and named no entity of it')
  const state = await store.state()
  const changes = changed.map((after) => ({ before: after, after, acknowledged: false }))
  await store.save(changed, { ...state, marks: track?.(state.marks, changes) ?? state.marks })
}
