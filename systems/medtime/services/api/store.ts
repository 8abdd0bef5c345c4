import { DatabaseError, Pool } from 'pg'
import { z } from 'zod'
import { ApiError } from './api-error.ts'
import type { Batch } from './batch.ts'

export interface PushOutcome {
  epoch: number
  /** The user's last number; 0 when only conflicts were asked for. */
  sequence: number
  conflicts: { id: string; version: number; checksum: string }[]
}

export interface StoredChange {
  sequence: number
  epoch: number
  id: string
  type: string
  version: number
  deleted: boolean
  key: string
  blob: Buffer
  checksum: string
  device: string
  updatedAt: Date
}

export interface Page {
  epoch: number
  /** The number the page starts after. */
  after: number
  changes: StoredChange[]
  more: boolean
}

export interface PullRequest {
  user: string
  device: string | undefined
  now: Date
  /** Where to start: after a number of an epoch, at a time, or at the very beginning. */
  from: { epoch: number; sequence: number } | { since: Date } | undefined
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

/** The database as the API uses it: every operation is one call of one function, one round trip and one transaction. */
export interface Store {
  /** @param epoch the one the client believes in; when it is another, nothing is written and `epoch` of the outcome tells */
  push(request: {
    user: string
    device: string
    now: Date
    epoch: number | undefined
    batch: Batch
  }): Promise<PushOutcome>
  /** What a push would conflict with. Writes nothing. */
  conflicts(request: { user: string; batch: Batch }): Promise<PushOutcome['conflicts']>
  pull(request: PullRequest): Promise<Page>
  status(user: string, limit: number): Promise<{ epoch: number; sequence: number; devices: Device[] }>
  /** The key of cursors. */
  cursorKey(): Promise<Uint8Array>
  /** Rejects when the database cannot serve. */
  ready(): Promise<void>
  /** Requests that wait for a connection. */
  waiting(): number
  close(): Promise<void>
}

export interface StoreOptions {
  url: string
  poolSize: number
  /** Told the seconds of each statement. */
  onStatement: (seconds: number) => void
  /** A connection broke while nobody used it. */
  onLostConnection: () => void
}

/** Longest a statement may take, and longest to wait for a connection. */
const timeoutMs = 10_000

const bigint = z.coerce.number().int()
const pushRow = z.tuple([
  z.object({
    current_epoch: bigint,
    last_sequence: bigint.nullable(),
    conflict_ids: z.array(z.string()).nullable(),
    conflict_versions: z.array(z.number()).nullable(),
    conflict_checksums: z.array(z.string().nullable()).nullable(),
  }),
])
const keyRow = z.tuple([z.object({ key: z.instanceof(Buffer) })])

interface PullRow {
  number: string
  change_epoch: string
  id: string
  entity_type: string
  version: number
  deleted: boolean
  key_id: string
  encrypted_blob: Buffer | null
  checksum: string
  client_id: string
  updated_at: Date
}

interface StatusRow {
  current_epoch: string
  last_sequence: string
  device_id: string | null
  last_sync_at: Date | null
  sync_version: string | null
  written: string | null
  seen: string | null
}

export function openStore(options: StoreOptions): Store {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    application_name: 'medtime-api',
    keepAlive: true,
  })
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', options.onLostConnection)

  const run = async <Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> => {
    const started = performance.now()
    try {
      return (await pool.query<Row>({ name, text, values })).rows
    } catch (thrown) {
      throw asApiError(thrown)
    } finally {
      options.onStatement((performance.now() - started) / 1000)
    }
  }

  const callPush = async (
    user: string,
    device: string,
    now: Date,
    epoch: number | undefined,
    check: boolean,
    batch: Batch,
  ): Promise<PushOutcome> => {
    const rows = await run(
      'push',
      'SELECT * FROM public.srv_push($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)',
      [
        user,
        device,
        now,
        epoch ?? null,
        check,
        batch.ids,
        batch.types,
        batch.versions,
        batch.bases,
        batch.deleted,
        batch.keys,
        batch.checksums,
        batch.starts,
        batch.sizes,
        batch.blobs,
      ],
    )
    const [row] = pushRow.parse(rows)
    const conflicts = (row.conflict_ids ?? []).map((id, index) => ({
      id,
      version: row.conflict_versions?.[index] ?? 0,
      checksum: row.conflict_checksums?.[index] ?? '',
    }))
    return { epoch: row.current_epoch, sequence: row.last_sequence ?? 0, conflicts }
  }

  return {
    push: ({ user, device, now, epoch, batch }) => callPush(user, device, now, epoch, false, batch),
    conflicts: async ({ user, batch }) =>
      batch.ids.length === 0 ? [] : (await callPush(user, '', new Date(0), undefined, true, batch)).conflicts,
    pull: async ({ user, device, now, from, limit, bytes }) => {
      const rows = await run<PullRow>('pull', 'SELECT * FROM public.srv_pull($1,$2,$3,$4,$5,$6,$7,$8)', [
        user,
        device ?? null,
        now,
        from !== undefined && 'epoch' in from ? from.epoch : null,
        from !== undefined && 'epoch' in from ? from.sequence : 0,
        from !== undefined && 'since' in from ? from.since : null,
        limit,
        bytes,
      ])
      const [head, ...page] = rows
      if (head === undefined) throw new Error('srv_pull gave no head')
      const changes: StoredChange[] = []
      for (const row of page) {
        if (row.encrypted_blob === null) break
        changes.push({
          sequence: Number(row.number),
          epoch: Number(row.change_epoch),
          id: row.id,
          type: row.entity_type,
          version: row.version,
          deleted: row.deleted,
          key: row.key_id,
          blob: row.encrypted_blob,
          checksum: row.checksum,
          device: row.client_id,
          updatedAt: row.updated_at,
        })
      }
      return {
        epoch: Number(head.change_epoch),
        after: Number(head.number),
        changes,
        more: changes.length < page.length,
      }
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
    ready: async () => {
      await run('ready', 'SELECT epoch FROM public.srv_sync_epoch', [])
    },
    waiting: () => pool.waitingCount,
    close: () => pool.end(),
  }
}

/** What a failure of the database means to a client. Its text stays here: it may quote what was sent. */
function asApiError(thrown: unknown): ApiError {
  if (!(thrown instanceof DatabaseError)) return new ApiError('UNAVAILABLE')
  const code = thrown.code ?? ''
  // 57014: the statement took too long.
  if (code === '57014' || code === '55P03') return new ApiError('TIMEOUT')
  // 08: connection; 40: serialization, deadlock; 53: resources; 57P: the server is going down or coming up; 25006: a standby.
  if (/^(08|40|53|57P)|^25006$/.test(code)) return new ApiError('UNAVAILABLE')
  return new ApiError('INTERNAL')
}
