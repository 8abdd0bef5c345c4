import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import { listBackups } from '../../recovery/repository/list-backups.ts'
import { findRestorePoint } from '../../recovery/restore/restore-point.ts'
import { expiresAt } from '../../recovery/retention/expiry.ts'
import { holdBackup } from '../../recovery/retention/hold.ts'
import { pruneRepository } from '../../recovery/retention/prune.ts'
import { type RetentionPolicy, retentionPolicy } from '../../recovery/retention/rules.ts'
import { type TinyRepository, tinyRepository } from '../../recovery/retention/tiny-repository.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import { readInventory } from '../../recovery/wal/wal-inventory.ts'
import type { ProofSession } from '../prover.ts'
import { decisionsUnder } from './faulty-decisions.ts'
import { day, hour, simulatedDays, takings } from './schedule.ts'

/** What was seen over the simulated time. */
export interface Simulated {
  /** By rule: how many of its backups (of WAL, its segments) were taken and judged, and what was wrong. */
  rules: ReadonlyMap<string, Judged>
  /** Moments of the point-in-time window that were looked up. */
  moments: number
  prunes: number
}

export interface Judged {
  taken: number
  violations: string[]
}

interface Known {
  id: string
  rule: string
  stoppedAt: number
  heldUntil: number | undefined
}

/** How much is lived through. */
export interface Extent {
  days: number
  /** The schedule stops for these days, longer than most rules keep: what an objective needs must outlive its time. */
  pause: { from: number; to: number }
}

const wholeExtent: Extent = { days: simulatedDays, pause: { from: 200, to: 245 } }
const segmentEvery = day

/**
 * Lives through 400 days of a plan with the real removal over a real store: takes what the calendar takes, removes once a day, holds a
 * backup of each rule, stops the schedule for six weeks, and then lets time pass until everything has had its time.
 */
export async function simulateRetention(
  session: Pick<ProofSession, 'system' | 'seed' | 'scratch' | 'effort' | 'faults' | 'signal'>,
  { days, pause: paused }: Extent = wholeExtent,
): Promise<Simulated> {
  const { plan } = session.system
  const policy = retentionPolicy(plan)
  const random = seededRandom(session.seed).fork('retention')
  const from = Date.UTC(2026, 0, 5)
  const tiny = await tinyRepository({
    store: directoryStore(join(session.scratch.directory, 'retention')),
    system: plan.system,
    from,
    segmentEvery,
  })
  const log = new Judgement(policy, tiny)
  const full = session.effort.name === 'full'
  const pause = { from: from + paused.from * day, to: from + paused.to * day }
  const schedule = takings(plan, policy, { from, days, atOnce: full ? 24 : 8, events: full ? 8 : 4, random, pause })
  const decide = decisionsUnder(session.faults)
  const prune = async (now: number) => {
    session.signal.throwIfAborted()
    await pruneRepository({ repository: tiny.repository, policy, clock: clockAt(now), decide, signal: session.signal })
    await log.look(now, random.next())
  }

  let next = 0
  for (let today = 1; today <= days; today++) {
    const now = from + today * day
    for (let taking = schedule[next]; taking && taking.at < now; taking = schedule[++next]) {
      const stoppedAt = taking.at + hour / 4
      await tiny.streamUntil(stoppedAt + segmentEvery)
      const { id } = await tiny.take(stoppedAt, { rule: taking.rule })
      await log.taken({ id, rule: taking.rule, stoppedAt })
    }
    await tiny.streamUntil(now)
    // A day on which nothing comes to its end decides nothing new; with full effort every day is lived through.
    if (full || today % 10 === 0 || log.endsWithin(now - day, now)) await prune(now)
  }
  // Nothing is taken any more: each that is left is looked at just before its time and a day after it.
  for (const at of log.ends()) {
    await prune(at - hour)
    await prune(at + day + hour)
  }
  return log.result()
}

const clockAt = (now: number): Clock => ({
  now: () => now,
  sleep: (_, signal) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
})

/** Judges the store by the plan alone, without asking the policy why it did what it did. */
class Judgement {
  readonly #policy: RetentionPolicy
  readonly #tiny: TinyRepository
  readonly #known = new Map<string, Known>()
  readonly #rules = new Map<string, Judged>()
  readonly #wal: Judged = { taken: 0, violations: [] }
  #moments = 0
  #prunes = 0

  constructor(policy: RetentionPolicy, tiny: TinyRepository) {
    this.#policy = policy
    this.#tiny = tiny
    for (const name of policy.rules.keys()) this.#rules.set(name, { taken: 0, violations: [] })
  }

  /** Notes a backup, and holds the third of each rule well beyond its time. */
  async taken({ id, rule, stoppedAt }: Omit<Known, 'heldUntil'>): Promise<void> {
    const judged = this.#rules.get(rule)
    if (!judged) return
    judged.taken += 1
    const keep = this.#policy.rules.get(rule)?.keep
    const heldUntil = judged.taken === 3 && typeof keep === 'number' ? stoppedAt + keep + 20 * day : undefined
    this.#known.set(id, { id, rule, stoppedAt, heldUntil })
    if (heldUntil === undefined) return
    const hold = { backup: id, reason: 'a case', until: heldUntil }
    await holdBackup(this.#tiny.repository, clockAt(stoppedAt), hold)
  }

  /** Moments at which what is known reaches the end of its time. */
  ends(): number[] {
    const ends = [...this.#known.values()].flatMap(({ rule, stoppedAt, heldUntil }) => {
      const keep = this.#policy.rules.get(rule)?.keep
      return typeof keep === 'number' ? [Math.max(this.#expiry(stoppedAt, keep), heldUntil ?? 0)] : []
    })
    return [...new Set(ends)].sort((a, b) => a - b)
  }

  /** Whether the time of anything ends in a stretch of time. */
  endsWithin(from: number, to: number): boolean {
    return this.ends().some((at) => at >= from - hour && at <= to)
  }

  async look(now: number, share: number): Promise<void> {
    this.#prunes += 1
    const there = new Set((await listBackups(this.#tiny.repository)).map(({ id }) => id))
    const known = [...this.#known.values()]
    const needed = this.#needed(known, now)
    for (const each of known) {
      const keep = this.#policy.rules.get(each.rule)?.keep
      const judged = this.#rules.get(each.rule)
      if (keep === undefined || !judged) continue
      const ends = keep === 'forever' ? Number.POSITIVE_INFINITY : this.#expiry(each.stoppedAt, keep)
      const held = each.heldUntil !== undefined && now < each.heldUntil
      const name = `the ${each.rule} of ${new Date(each.stoppedAt).toISOString().slice(0, 10)}`
      if (!there.has(each.id)) {
        if (now < ends) judged.violations.push(`${name} was removed ${Math.ceil((ends - now) / hour)} h early`)
        else if (held) judged.violations.push(`${name} was removed although it was held`)
        else if (needed.has(each.id)) judged.violations.push(`${name} was removed although an objective needed it`)
        // Judged once: it does not come back.
        this.#known.delete(each.id)
      } else if (now >= Math.max(ends, each.heldUntil ?? 0) + day && !needed.has(each.id)) {
        judged.violations.push(`${name} was still there ${Math.floor((now - ends) / day)} d after its time`)
        this.#known.delete(each.id)
      }
    }
    if (this.#prunes % 4 === 0) await this.#lookAtMoment(now, share)
    if (this.#prunes % 10 === 0) await this.#lookAtWal(now, there)
  }

  result(): Simulated {
    const rules = new Map(this.#rules)
    rules.set('', this.#wal)
    return { rules, moments: this.#moments, prunes: this.#prunes }
  }

  #expiry(stoppedAt: number, keep: number): number {
    return expiresAt(stoppedAt, keep, this.#policy.timeZone)
  }

  /** What may outlive its time: the newest of all, the newest of a scheduled rule, and where the window begins. */
  #needed(known: readonly Known[], now: number): Set<string> {
    const inOrder = known.toSorted((a, b) => a.stoppedAt - b.stoppedAt)
    const newest = [...this.#policy.rules.values()]
      .filter(({ scheduled }) => scheduled && this.#policy.objectives.length > 0)
      .map(({ name }) => inOrder.findLast(({ rule }) => rule === name))
    const window = this.#policy.pointInTime?.window
    const begins = window === undefined ? undefined : inOrder.findLast(({ stoppedAt }) => stoppedAt <= now - window)
    return new Set([inOrder.at(-1), begins, ...newest].flatMap((each) => (each ? [each.id] : [])))
  }

  /** One moment of the window, somewhere else every time. */
  async #lookAtMoment(now: number, share: number): Promise<void> {
    const { window } = this.#policy.pointInTime ?? {}
    const oldest = Math.min(...[...this.#known.values()].map(({ stoppedAt }) => stoppedAt))
    if (window === undefined) return
    const at = Math.floor(now - segmentEvery - share * (window - segmentEvery))
    // Before the first backup, and once the server has stopped for good, there is nothing to look up.
    if (at <= oldest || this.#tiny.position(at + segmentEvery) > this.#tiny.streamed()) return
    this.#moments += 1
    try {
      await findRestorePoint(this.#tiny.repository, at)
    } catch (error) {
      const says = `the moment ${((now - at) / day).toFixed(1)} d ago could not be restored: ${messageOf(error)}`
      for (const judged of [...this.#rules.values(), this.#wal]) judged.violations.push(says)
    }
  }

  /** Every segment that is younger than its time is there; what is older serves the window or a backup. */
  async #lookAtWal(now: number, there: ReadonlySet<string>): Promise<void> {
    const { repository } = this.#tiny
    const backups = (await listBackups(repository)).filter(({ id }) => there.has(id))
    const size = backups[0]?.walSegmentBytes
    const keep = this.#policy.walKeep
    if (size === undefined || typeof keep !== 'number') return
    const stored = (await readInventory(repository, size)).timelines.get(1) ?? new Map<bigint, unknown>()
    this.#wal.taken = Math.max(this.#wal.taken, Number(this.#tiny.streamed() / BigInt(size)))
    for (let number = 0n; (number + 1n) * BigInt(size) <= this.#tiny.streamed(); number++) {
      const until = this.#tiny.momentOf(number)
      const young = now < this.#expiry(until, keep)
      if (young && !stored.has(number))
        this.#wal.violations.push(`WAL of ${Math.floor((now - until) / day)} d ago was gone`)
      const window = this.#policy.pointInTime?.window ?? 0
      const begins = backups.findLast(({ stoppedAt }) => stoppedAt <= now - window) ?? backups[0]
      const newest = backups.at(-1)
      const leads = [begins, newest].some((backup) => backup !== undefined && until > backup.startedAt)
      const own = backups.some(({ startedAt, stoppedAt }) => startedAt < until && stoppedAt > until - segmentEvery)
      if (stored.has(number) && !leads && !own && now >= this.#expiry(until, keep) + day) {
        this.#wal.violations.push(`WAL of ${Math.floor((now - until) / day)} d ago was still there`)
      }
    }
  }
}
