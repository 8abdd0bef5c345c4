import { z } from 'zod'
import { type Clock, timestamp } from '../../clock.ts'
import { AvalError, failure } from '../../errors.ts'
import { layout } from '../repository/layout.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'
import type { ByteStream } from './store.ts'

const recordSchema = z.strictObject({
  /** The same for every process that may write together. */
  holder: z.string(),
  /** For people: which machine. */
  name: z.string(),
  /** Milliseconds since the epoch, by the holder's clock. */
  until: z.number(),
})

export type LeaseRecord = z.infer<typeof recordSchema>

export interface LeaseHolder {
  /** Processes with one id share the lease: the receiver and a backup of one machine. */
  id: string
  /** For people. */
  name: string
}

/** The right to write to a repository, for a while. */
export interface Lease {
  /** Rises by one with each change of hands. */
  readonly generation: number
  /** Milliseconds since the epoch. */
  until(): number
  /** @throws REPOSITORY_LEASE_LOST once another has taken over, or when it ran out without being renewed. */
  check(): void
  /** Extends it. @throws REPOSITORY_LEASE_LOST, or what the store throws. */
  renew(): Promise<void>
  /** Extends it when a third of its time is over. While it is good a store out of reach is no error. @throws as `renew`. */
  keep(): Promise<void>
}

export interface LeaseOptions {
  repository: Repository
  holder: LeaseHolder
  clock: Clock
  /** How long it is good for without being renewed; 60 000. */
  durationMs?: number
  /** How far clocks of two machines may differ: who takes over waits so much longer; 10 000. */
  clockSkewMs?: number
  /** Where the store lets two writers both win: how long a claim must stand before it counts. 0 where it does not. */
  settleMs?: number
}

/**
 * Takes the right to write to a repository, so that two machines never do so at once. Each generation is an object of its own that
 * only one can make. Whoever claims first writes and then looks: a claimant at the record before it, a holder that renews at later
 * generations. However these interleave, at least one of the two sees the other and withdraws.
 * @throws REPOSITORY_HELD: by whom, and until when.
 */
export async function takeLease(options: LeaseOptions): Promise<Lease> {
  const { repository, holder, clock, durationMs = 60_000, clockSkewMs = 10_000, settleMs = 0 } = options
  const { store } = repository
  const read = (generation: number) => readRecord(repository, generation)
  const held = (record: LeaseRecord, generation: number) =>
    failure('REPOSITORY_HELD', {
      place: store.place,
      holder: record.name,
      until: timestamp(record.until + clockSkewMs),
      generation,
    })
  const standing = (record: LeaseRecord | undefined) =>
    record !== undefined && record.holder !== holder.id && record.until + clockSkewMs > clock.now()

  let until = 0
  let lost: AvalError | undefined
  const lose = (reason: string) => {
    lost ??= failure('REPOSITORY_LEASE_LOST', { place: store.place, reason })
    return lost
  }
  const record = (): LeaseRecord => ({ holder: holder.id, name: holder.name, until: clock.now() + durationMs })
  const text = (of: LeaseRecord) => once(Buffer.from(JSON.stringify(of)))

  /** Writes our record over our own, then looks whether another went ahead meanwhile. */
  const extend = async (generation: number) => {
    const mine = record()
    await repository.put(layout.lease(generation), text(mine), { replace: true })
    const newest = await newestGeneration(repository)
    if (newest > generation) throw lose(await nameOf(repository, newest))
    if (settleMs > 0) {
      const there = await read(generation)
      if (there && there.holder !== holder.id) throw lose(`${there.name} holds generation ${generation}`)
    }
    until = mine.until
  }

  const claim = async (): Promise<number> => {
    for (;;) {
      const newest = await newestGeneration(repository)
      const before = newest === 0 ? undefined : await read(newest)
      if (before && standing(before)) throw held(before, newest)
      if (before?.holder === holder.id) {
        // A claim of ours that broke off before it looked at the generation before it.
        const former = newest === 1 ? undefined : await read(newest - 1)
        if (former && standing(former)) throw held(former, newest - 1)
        await extend(newest)
        return newest
      }
      const generation = newest + 1
      const mine = record()
      try {
        await repository.put(layout.lease(generation), text(mine))
      } catch (error) {
        if (error instanceof AvalError && error.code === 'OBJECT_CONFLICT') continue
        throw error
      }
      if (settleMs > 0) {
        await clock.sleep(settleMs)
        const there = await read(generation)
        if (there && there.holder !== holder.id) throw held(there, generation)
      }
      const after = newest === 0 ? undefined : await read(newest)
      if (after && standing(after)) {
        // Its holder woke up and renewed between our look and our claim. What we leave behind stands as long as theirs: the next
        // claimant looks at the newest generation alone.
        const withdrawn = { ...after, holder: 'withdrawn' }
        await repository.put(layout.lease(generation), text(withdrawn), { replace: true })
        throw held(after, newest)
      }
      until = mine.until
      // One is kept, so that its holder finds out.
      if (newest > 1) await store.delete(layout.lease(newest - 1))
      return generation
    }
  }

  const generation = await claim()
  const check = () => {
    if (lost) throw lost
    if (clock.now() < until) return
    const reason = `the right to write ran out at ${timestamp(until)} and could not be renewed`
    throw failure('REPOSITORY_LEASE_LOST', { place: store.place, reason })
  }
  const renew = async () => {
    if (lost) throw lost
    const newest = await newestGeneration(repository)
    if (newest > generation) throw lose(await nameOf(repository, newest))
    await extend(generation)
  }
  let renewing: Promise<void> | undefined
  const keep = async () => {
    if (!lost && clock.now() < until - (2 * durationMs) / 3) return
    renewing ??= renew().finally(() => {
      renewing = undefined
    })
    try {
      await renewing
    } catch (error) {
      if (lost || clock.now() >= until) throw error
    }
  }
  return { generation, until: () => until, check, renew, keep }
}

/**
 * A repository whose writes fail once the lease is lost: nothing of a former holder lands in it. Whoever writes renews it on the way, so
 * that a writer that makes progress keeps it. Reading goes on.
 */
export function underLease(repository: Repository, lease: Pick<Lease, 'check' | 'keep'>): Repository {
  const guarded = async <T>(write: () => Promise<T>): Promise<T> => {
    await lease.keep()
    lease.check()
    const result = await write()
    // What was under way while the lease ran out may have been written; its writer must not count on it.
    lease.check()
    return result
  }
  async function* kept(content: ByteStream): ByteStream {
    for await (const bytes of content) {
      await lease.keep()
      yield bytes
    }
  }
  const { store } = repository
  return {
    ...repository,
    put: (key, content, options) => guarded(() => repository.put(key, kept(content), options)),
    store: {
      ...store,
      put: (key, content, options) => guarded(() => store.put(key, kept(content), options)),
      delete: (key) => guarded(() => store.delete(key)),
    },
  }
}

/**
 * Renews a lease three times as often as it must be, for a writer that may have nothing to write for longer than it is good. A store
 * out of reach is waited out.
 * @returns ends the renewing. The lease then runs out by itself, since another process of this machine may still share it.
 */
export function keepLease(
  lease: Lease,
  options: { clock: Clock; durationMs?: number; onTrouble?: (error: unknown) => void },
): () => Promise<void> {
  const { clock, durationMs = 60_000, onTrouble } = options
  const stopping = new AbortController()
  const running = (async () => {
    let told = false
    for (;;) {
      await clock.sleep(durationMs / 3, stopping.signal).catch(() => undefined)
      if (stopping.signal.aborted) return
      try {
        await lease.renew()
        told = false
      } catch (error) {
        if (!told) onTrouble?.(error)
        told = true
        if (error instanceof AvalError && error.code === 'REPOSITORY_LEASE_LOST') return
      }
    }
  })()
  return async () => {
    stopping.abort()
    await running
  }
}

async function newestGeneration(repository: Repository): Promise<number> {
  let newest = 0
  for await (const { key } of repository.store.list(layout.leases)) {
    const number = /^[0-9A-F]{8}$/.exec(key.slice(layout.leases.length))
    if (number) newest = Math.max(newest, Number.parseInt(number[0], 16))
  }
  return newest
}

async function readRecord(repository: Repository, generation: number): Promise<LeaseRecord | undefined> {
  try {
    return await readJson(repository, layout.lease(generation), recordSchema)
  } catch (error) {
    // Removed since by a claimant of a later generation.
    if (error instanceof AvalError && error.code === 'OBJECT_MISSING') return undefined
    throw error
  }
}

/** Who may write at a moment; undefined when nobody has said so. */
export async function standingLease(repository: Repository, now: number): Promise<LeaseRecord | undefined> {
  const newest = await newestGeneration(repository)
  const record = newest === 0 ? undefined : await readRecord(repository, newest)
  return record !== undefined && record.until > now ? record : undefined
}

/** Whether somebody ever wrote here himself; into a copy objects only come from another store. */
export async function wasHeld(repository: Repository): Promise<boolean> {
  return (await newestGeneration(repository)) > 0
}

async function nameOf(repository: Repository, generation: number): Promise<string> {
  const record = await readRecord(repository, generation)
  return `${record?.name ?? 'another machine'} holds generation ${generation}`
}
