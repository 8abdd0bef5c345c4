import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { listDumps } from '../logical/list-dumps.ts'
import { type ErasureState, layout, parseKey } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'

/*
 * Whose data was erased, kept where the backups are, since every backup older than an erasure still holds what was erased. The record
 * is written before the database is touched, so that no crash can erase and forget. Like every object it is encrypted: the
 * store learns that something was erased and when, never whose.
 */

const askedSchema = z.strictObject({
  /** The name in `recovery.erasures`. */
  name: z.string(),
  subject: z.string(),
  /** The statements of the plan at that time: those of a later plan may not fit the database of an earlier moment. */
  sql: z.array(z.string()),
  /** Milliseconds since the epoch. */
  at: z.number(),
})

const settledSchema = z.strictObject({ at: z.number() })

/** Everything it takes to erase a subject again. */
export type ErasureRecord = z.infer<typeof askedSchema>

export interface Erasure extends ErasureRecord {
  id: string
  state: ErasureState
  /** When it was carried out. */
  doneAt: number | undefined
}

export async function recordErasure(repository: Repository, record: ErasureRecord): Promise<string> {
  const stamp = new Date(record.at).toISOString().replace(/[-:.]/g, '')
  const id = `${stamp}-${randomBytes(4).toString('hex')}`
  await repository.put(layout.erasure(id, 'asked'), once(Buffer.from(JSON.stringify(record))))
  return id
}

export async function settleErasure(
  repository: Repository,
  clock: Clock,
  id: string,
  state: Exclude<ErasureState, 'asked'>,
): Promise<void> {
  const text = JSON.stringify({ at: clock.now() } satisfies z.infer<typeof settledSchema>)
  await repository.put(layout.erasure(id, state), once(Buffer.from(text)), { replace: true })
}

/** Every erasure, oldest first. */
export async function readErasures(repository: Repository): Promise<Erasure[]> {
  const states = new Map<string, Set<ErasureState>>()
  for await (const { key } of repository.store.list(layout.erasures)) {
    const parsed = parseKey(key, 2 ** 24)
    if (parsed?.kind !== 'erasure') continue
    states.set(parsed.id, (states.get(parsed.id) ?? new Set()).add(parsed.state))
  }
  const erasures: Erasure[] = []
  for (const [id, found] of states) {
    // Only `asked` is removed last; without it there is nothing left to do again.
    if (!found.has('asked')) continue
    const record = await readJson(repository, layout.erasure(id, 'asked'), askedSchema)
    const state = found.has('done') ? 'done' : found.has('withdrawn') ? 'withdrawn' : 'asked'
    const doneAt =
      state === 'done' ? (await readJson(repository, layout.erasure(id, 'done'), settledSchema)).at : undefined
    erasures.push({ ...record, id, state, doneAt })
  }
  return erasures.sort((a, b) => a.at - b.at)
}

/**
 * What a restored database must be rid of again, whatever moment it stands at. An erasure that was asked for and never settled counts:
 * it may have been carried out.
 */
export async function erasuresToRepeat(repository: Repository): Promise<ErasureRecord[]> {
  const erasures = await readErasures(repository)
  return erasures
    .filter(({ state }) => state !== 'withdrawn')
    .map(({ name, subject, sql, at }) => ({ name, subject, sql, at }))
}

/** The server's clock and ours may differ; no harm in keeping a record a little longer. */
const clocksDifferMs = 24 * 3_600_000

/**
 * Removes the records that no backup can bring back: each began after the erasure was carried out.
 * @param elsewhere backups that do not lie in the repository itself, such as those of an engine with a store of its own; asked only when
 * there is anything to remove.
 */
export async function removeSettledErasures(
  repository: Repository,
  remove: (key: string) => Promise<boolean>,
  elsewhere: () => Promise<readonly { startedAt: number }[]> = async () => [],
): Promise<void> {
  const erasures = (await readErasures(repository)).filter(({ state }) => state !== 'asked')
  if (erasures.length === 0) return
  const backups = [...(await listBackups(repository)), ...(await listDumps(repository)), ...(await elsewhere())]
  const oldest = Math.min(...backups.map(({ startedAt }) => startedAt))
  for (const { id, state, doneAt } of erasures) {
    const needed = doneAt !== undefined && (backups.length === 0 || oldest <= doneAt + clocksDifferMs)
    // `asked` first: without it nothing is left that could be taken for an erasure still to be done.
    if (!needed && (await remove(layout.erasure(id, 'asked')))) await remove(layout.erasure(id, stateOf(state)))
  }
}

function stateOf(state: ErasureState): ErasureState {
  return state === 'done' ? 'done' : 'withdrawn'
}
