import { z } from 'zod'
import type { Database } from '../database.ts'
import { arrayOf, plainArrayOf } from './array-literal.ts'
import type { Batch } from './batch.ts'
import { packedTypes, unpackPage } from './packed-page.ts'
import type { StoredChange } from './pull-types.ts'
import { pushesTogether } from './pushes-together.ts'
import { incompleteAnswer, type RotationFault } from './wire.ts'
import { type Push, type PushOutcome, writeAlone, writeTogether } from './write.ts'

export interface Page {
  epoch: number
  /** The number to go on from. */
  last: number
  changes: StoredChange[]
  more: boolean
  /** Tombstones up to this number may have been removed. */
  floor: number
  /** Deletions may be missing after the place that was asked from: the page is empty. */
  expired: boolean
}

export interface PullRequest {
  user: string
  device: string | undefined
  now: Date
  /** Where to start: after a number of an epoch, at a time, or at the very beginning. */
  from: { epoch: number; sequence: number; floor?: number } | { since: Date } | undefined
  limit: number
  bytes: number
}

export interface Device {
  id: string
  lastSyncAt: Date
  version: number
  written: number
  seen: number
}

export interface RotateOutcome {
  epoch: number
  staged: number
  rotated: number
  held: number
  /** Bytes there was no room for. */
  needed: number | undefined
  faults: RotationFault[]
  faultsInAll: number
}

/** The database as the API uses it: every operation is one call of one function, one round trip and one transaction, which small pushes share. */
export interface Store {
  /** @param epoch the one the client believes in; when it is another, nothing is written and `epoch` of the outcome tells */
  push(push: Push): Promise<PushOutcome>
  /** Lays entities ready under a new key, and puts all in place with `commit`. */
  rotate(request: {
    user: string
    device: string
    now: Date
    epoch: number | undefined
    rotation: string
    types: readonly string[]
    key: string
    commit: boolean
    batch: Batch
    quota: number
  }): Promise<RotateOutcome>
  /** What a push would conflict with. Writes nothing. */
  conflicts(request: { user: string; batch: Batch }): Promise<PushOutcome['conflicts']>
  pull(request: PullRequest): Promise<Page>
  /**
   * One run of the removal of old tombstones over so many users. To be called again while `busy`, daily or oftener: what a run
   * marks, a run at least a minute later removes.
   */
  compact(now: Date, users: number): Promise<{ raised: number; removed: number; busy: boolean }>
  status(user: string, limit: number): Promise<{ epoch: number; sequence: number; devices: Device[] }>
  /** The key of cursors. */
  cursorKey(): Promise<Uint8Array>
}

const bigint = z.coerce.number().int()
const rotateRow = z.tuple([
  z.object({
    current_epoch: bigint,
    staged: bigint,
    rotated: bigint,
    held: bigint,
    needed: bigint.nullable(),
    fault_ids: z.array(z.string()).nullable(),
    fault_reasons: z.array(incompleteAnswer.shape.entities.element.shape.reason).nullable(),
    faults: bigint.nullable(),
  }),
])
/** Putting tens of thousands of entities in place takes longer than any other statement may. */
const commitTimeout = "SET LOCAL statement_timeout = '25s'"
const compactRow = z.tuple([z.object({ raised: bigint, removed: bigint, busy: z.boolean() })])
const keyRow = z.tuple([z.object({ key: z.instanceof(Buffer) })])

interface StatusRow {
  current_epoch: string
  last_sequence: string
  device_id: string | null
  last_sync_at: Date | null
  sync_version: string | null
  written: string | null
  seen: string | null
}

/** @param reading what pages are read on */
export function createStore(database: Database, reading: Pick<Database, 'run'> = database): Store {
  const { run, transaction } = database
  const push = pushesTogether({
    alone: (each) => writeAlone(run, each, false),
    together: (pushes) => writeTogether(run, pushes),
  })

  return {
    push,
    conflicts: async ({ user, batch }) => {
      if (batch.ids.length === 0) return []
      const asked = { user, device: '', now: new Date(0), epoch: undefined, batch, quota: 0 }
      return (await writeAlone(run, asked, true)).conflicts
    },
    pull: async ({ user, device, now, from, limit, bytes }) => {
      const page = await reading.run(
        'page',
        'SELECT * FROM public.srv_text_page($1,$2,$3,$4,$5,$6,$7,$8,$9)',
        [
          user,
          device ?? null,
          now,
          from !== undefined && 'epoch' in from ? from.epoch : null,
          from !== undefined && 'epoch' in from ? from.sequence : 0,
          from !== undefined && 'since' in from ? from.since : null,
          limit,
          bytes,
          from !== undefined && 'epoch' in from ? (from.floor ?? 0) : 0,
        ],
        packedTypes,
      )
      const { change_epoch: epoch, number: last, ...rest } = unpackPage(page)
      return { ...rest, epoch, last }
    },
    rotate: ({ user, device, now, epoch, rotation, types, key, commit, batch, quota }) =>
      transaction(user, async (inside) => {
        if (commit) await inside('rotate-timeout', commitTimeout, [])
        const rows = await inside(
          'rotate',
          'SELECT * FROM public.srv_rotate($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)',
          [
            user,
            device,
            now,
            epoch ?? null,
            rotation,
            types,
            key,
            commit,
            plainArrayOf(batch.ids),
            arrayOf(batch.types),
            plainArrayOf(batch.versions),
            plainArrayOf(batch.bases),
            plainArrayOf(batch.deleted),
            plainArrayOf(batch.checksums),
            plainArrayOf(batch.starts),
            plainArrayOf(batch.sizes),
            batch.blobs,
            quota,
          ],
        )
        const [row] = rotateRow.parse(rows)
        const faults = (row.fault_ids ?? []).flatMap((id, index) => {
          const reason = row.fault_reasons?.[index]
          return reason === undefined ? [] : [{ id, reason }]
        })
        return {
          epoch: row.current_epoch,
          staged: row.staged,
          rotated: row.rotated,
          held: row.held,
          needed: row.needed ?? undefined,
          faults,
          faultsInAll: row.faults ?? 0,
        }
      }),
    compact: async (now, users) => {
      const rows = await run('compact', 'SELECT * FROM public.srv_compact($1,$2)', [now, users])
      return compactRow.parse(rows)[0]
    },
    status: async (user, limit) => {
      const rows = await run<StatusRow>('status', 'SELECT * FROM public.srv_status($1,$2)', [user, limit])
      const [head] = rows
      if (head === undefined) throw new Error('srv_status gave no row')
      const devices = rows.flatMap(({ device_id, last_sync_at, sync_version, written, seen }) =>
        device_id === null
          ? []
          : [
              {
                id: device_id,
                lastSyncAt: last_sync_at ?? new Date(0),
                version: Number(sync_version),
                written: Number(written),
                seen: Number(seen),
              },
            ],
      )
      return { epoch: Number(head.current_epoch), sequence: Number(head.last_sequence), devices }
    },
    cursorKey: async () => {
      const rows = await run('cursor-key', 'SELECT key FROM public.srv_cursor_key', [])
      return keyRow.parse(rows)[0].key
    },
  }
}
