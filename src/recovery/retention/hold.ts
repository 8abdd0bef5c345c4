import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { listDumps } from '../logical/list-dumps.ts'
import { layout, parseKey } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'
import type { Hold } from './facts.ts'

/*
 * Legal holds. Each hold and each release is an object of its own, numbered, and the last one counts: nothing is replaced, so that who
 * held what and why stays readable, on a store that locks its objects as well.
 */

const eventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('hold'),
    at: z.number(),
    reason: z.string().min(1),
    /** When it ends by itself, milliseconds since the epoch. */
    until: z.number().optional(),
  }),
  z.strictObject({ kind: z.literal('release'), at: z.number(), reason: z.string() }),
])

type HoldEvent = z.infer<typeof eventSchema>

/**
 * Holds a backup with the WAL that makes it whole: nothing removes it before it is let go or `until` has passed.
 * @throws BACKUP_UNKNOWN; also for one whose removal has begun.
 */
export async function holdBackup(repository: Repository, clock: Clock, hold: Hold): Promise<void> {
  const { backup, reason, until } = hold
  await requireBackup(repository, backup)
  const event: HoldEvent = { kind: 'hold', at: clock.now(), reason, ...(until === undefined ? {} : { until }) }
  await append(repository, backup, event)
  // A removal that began meanwhile did not see it.
  await requireBackup(repository, backup)
}

/** Lets a backup go. @throws BACKUP_UNKNOWN, HOLD_NONE */
export async function releaseBackup(repository: Repository, clock: Clock, backup: string, reason = ''): Promise<void> {
  await requireBackup(repository, backup)
  const holds = await readHolds(repository)
  if (!holds.some((hold) => hold.backup === backup)) throw failure('HOLD_NONE', { id: backup })
  await append(repository, backup, { kind: 'release', at: clock.now(), reason })
}

/** Every hold that was not let go; whether its time is over is for the reader to judge. */
export async function readHolds(repository: Repository): Promise<Hold[]> {
  const latest = new Map<string, string>()
  for await (const { key } of repository.store.list(layout.holds)) {
    const parsed = parseKey(key, 2 ** 24)
    if (parsed?.kind === 'hold') latest.set(parsed.id, key)
  }
  const holds: Hold[] = []
  for (const [backup, key] of latest) {
    const event = await readJson(repository, key, eventSchema)
    if (event.kind === 'hold') holds.push({ backup, reason: event.reason, until: event.until })
  }
  return holds
}

async function append(repository: Repository, backup: string, event: HoldEvent): Promise<void> {
  let count = 0
  for await (const _ of repository.store.list(`${layout.holds}${backup}/`)) count++
  const key = layout.hold(backup, String(count + 1).padStart(6, '0'))
  await repository.put(key, once(Buffer.from(JSON.stringify(event))))
}

async function requireBackup(repository: Repository, id: string): Promise<void> {
  const known = [...(await listBackups(repository)), ...(await listDumps(repository))]
  if (!known.some((backup) => backup.id === id)) throw failure('BACKUP_UNKNOWN', { id })
}
