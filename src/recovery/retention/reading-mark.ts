import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { layout } from '../repository/layout.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'
import { formatLsn, type Lsn, parseLsn } from '../wal/lsn.ts'
import type { RunningRestore } from './facts.ts'

/*
 * A restore says what it reads, so that nothing removes it meanwhile. Writer and remover each write first and look then: the
 * restore its mark and then for a tombstone, the removal its tombstone and then for marks. At least one of them sees the other.
 */

const markSchema = z.strictObject({
  backup: z.string(),
  from: z.string().transform(parseLsn),
  to: z.string().transform(parseLsn),
  /** The mark of a restore that died holds nothing any more from here on; milliseconds since the epoch. */
  expiresAt: z.number(),
})

const markedForMs = 24 * 3_600_000

/** Disposed of, it is removed. */
export interface ReadingMark extends AsyncDisposable {
  /** Takes it up again: after a restore that leaves the rest to somebody else, or died. */
  readonly key: string
  /** Ends the renewal and lets the mark stand until its time is over. */
  leave(): Promise<void>
}

/**
 * Marks a backup and its WAL as being read until the mark is disposed of; renewed as long as the process lives. A store that cannot be
 * written to, such as a copy kept read-only, has nobody that removes from it either: the restore goes on without a mark.
 * @param former of a mark that was left, to be taken up in place of a new one.
 * @throws BACKUP_UNKNOWN when the removal of the backup has begun.
 */
export async function markReading(
  repository: Repository,
  clock: Clock,
  reads: { backup: string; from: Lsn; to: Lsn },
  former?: string,
): Promise<ReadingMark> {
  const stamp = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const key = former ?? layout.reading(`${stamp}-${randomBytes(4).toString('hex')}`)
  const write = async () => {
    const mark = {
      backup: reads.backup,
      from: formatLsn(reads.from),
      to: formatLsn(reads.to),
      expiresAt: clock.now() + markedForMs,
    } satisfies z.input<typeof markSchema>
    await repository.put(key, once(Buffer.from(JSON.stringify(mark))), { replace: true })
  }
  const written = await write().then(
    () => true,
    () => false,
  )
  const ending = new AbortController()
  const renewing = written ? renew(write, clock, ending.signal) : Promise.resolve()
  const leave = async () => {
    ending.abort()
    await renewing
  }
  const end = async () => {
    await leave()
    if (written) await repository.store.delete(key).catch(() => undefined)
  }
  if ((await repository.store.stat(layout.removed(reads.backup))) !== undefined) {
    await end()
    throw failure('BACKUP_UNKNOWN', { id: reads.backup })
  }
  return { key, leave, [Symbol.asyncDispose]: end }
}

async function renew(write: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(markedForMs / 4, signal).catch(() => undefined)
    // The mark is good for three more tries.
    if (!signal.aborted) await write().catch(() => undefined)
  }
}

/** Every mark with its key; whether its time is over is for the reader to judge. */
export async function readMarks(repository: Repository): Promise<(RunningRestore & { key: string })[]> {
  const marks: (RunningRestore & { key: string })[] = []
  for await (const { key } of repository.store.list(layout.readings)) {
    // One that ended since the list was made reads nothing any more.
    if ((await repository.store.stat(key)) === undefined) continue
    marks.push({ key, ...(await readJson(repository, key, markSchema)) })
  }
  return marks
}
