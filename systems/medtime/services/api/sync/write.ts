import { z } from 'zod'
import type { Run } from '../database.ts'
import { arrayOf, plainArrayOf } from './array-literal.ts'
import type { Batch } from './batch.ts'

/** Something a user's device writes, all of it or nothing. */
export interface Push {
  user: string
  device: string
  now: Date
  epoch: number | undefined
  batch: Batch
  /** Most bytes the user may hold. */
  quota: number
}

export interface PushOutcome {
  epoch: number
  /** The user's last number; 0 when only conflicts were asked for. */
  sequence: number
  conflicts: { id: string; version: number; checksum: string }[]
  /** Bytes the user holds now. */
  held: number
  /** By how many bytes the push would grow that; undefined unless it was refused for want of room. */
  needed: number | undefined
}

const bigint = z.coerce.number().int()
const written = z.object({
  current_epoch: bigint,
  last_sequence: bigint.nullable(),
  conflict_ids: z.array(z.string()).nullable(),
  conflict_versions: z.array(z.number()).nullable(),
  conflict_checksums: z.array(z.string().nullable()).nullable(),
  held: bigint.nullable(),
  needed: bigint.nullable(),
})
const writtenAlone = z.tuple([written])
const writtenTogether = z.array(written.extend({ place: z.int() }))

const alone = 'SELECT * FROM public.srv_write($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)'
const together = 'SELECT * FROM public.srv_write_together($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)'

/** One push in a transaction of its own; with `check` nothing is written, and what it would conflict with is told. */
export async function writeAlone(run: Run, push: Push, check: boolean): Promise<PushOutcome> {
  const { user, device, now, epoch, batch, quota } = push
  const rows = await run('push', alone, [user, device, now, epoch ?? null, check, ...columnsOf([batch]), quota])
  return outcomeOf(writtenAlone.parse(rows)[0])
}

/**
 * Pushes in one transaction, each for its own user: what one of them is answered changes nothing for the others.
 * @returns in their order; undefined where a push was not looked at and has to be written alone
 */
export async function writeTogether(run: Run, pushes: readonly Push[]): Promise<(PushOutcome | undefined)[]> {
  const rows = await run('push-together', together, [
    plainArrayOf(pushes.map(({ user }) => user)),
    arrayOf(pushes.map(({ device }) => device)),
    arrayOf(pushes.map(({ now }) => now.toISOString())),
    plainArrayOf(pushes.map(({ epoch }) => epoch ?? 'NULL')),
    plainArrayOf(pushes.map(({ quota }) => quota)),
    plainArrayOf(pushes.map(({ batch }) => batch.ids.length)),
    ...columnsOf(pushes.map(({ batch }) => batch)),
  ])
  const outcomes = new Map(writtenTogether.parse(rows).map((row) => [row.place - 1, outcomeOf(row)]))
  return pushes.map((_, index) => outcomes.get(index))
}

/** The columns of batches as one, each after the one before. */
function columnsOf(batches: readonly Batch[]): unknown[] {
  const ends: number[] = []
  for (const { blobs } of batches) ends.push((ends.at(-1) ?? 0) + blobs.length)
  const starts = batches.flatMap((batch, index) => batch.starts.map((start) => start + (ends[index - 1] ?? 0)))
  const [first] = batches
  return [
    plainArrayOf(batches.flatMap(({ ids }) => ids)),
    arrayOf(batches.flatMap(({ types }) => types)),
    plainArrayOf(batches.flatMap(({ versions }) => versions)),
    plainArrayOf(batches.flatMap(({ bases }) => bases)),
    plainArrayOf(batches.flatMap(({ deleted }) => deleted)),
    arrayOf(batches.flatMap(({ keys }) => keys)),
    plainArrayOf(batches.flatMap(({ checksums }) => checksums)),
    plainArrayOf(starts),
    plainArrayOf(batches.flatMap(({ sizes }) => sizes)),
    first !== undefined && batches.length === 1 ? first.blobs : Buffer.concat(batches.map(({ blobs }) => blobs)),
  ]
}

function outcomeOf(row: z.output<typeof written>): PushOutcome {
  const conflicts = (row.conflict_ids ?? []).map((id, index) => ({
    id,
    version: row.conflict_versions?.[index] ?? 0,
    checksum: row.conflict_checksums?.[index] ?? '',
  }))
  return {
    epoch: row.current_epoch,
    sequence: row.last_sequence ?? 0,
    conflicts,
    held: row.held ?? 0,
    needed: row.needed ?? undefined,
  }
}
