import type { Guarantee } from '../plan/guarantee.ts'
import type { Evidence, Verdict } from './evidence.ts'
import type { Latest } from './ledger.ts'

/** Evidence dated further ahead than this was written under a wrong clock and is not believed. */
const clockSkewMs = 300_000

/**
 * What is known of a guarantee now.
 *
 * - without evidence: `unproven`
 * - refuted: stays `refuted` whatever its age, until a newer proof says otherwise; a fault does not heal by waiting
 * - past `freshFor`, about another subject, or dated in the future: `stale`
 * - else what the evidence says
 *
 * @param subjectDigest what the verdict depends on now; undefined when it cannot be told, which makes evidence stale.
 * @param now milliseconds since the epoch.
 */
export function verdictOf(
  guarantee: Pick<Guarantee, 'freshFor'>,
  evidence: Pick<Evidence, 'verdict' | 'subjectDigest' | 'startedAt' | 'tookMs'> | undefined,
  subjectDigest: string | undefined,
  now: number,
): Verdict {
  if (!evidence) return 'unproven'
  if (evidence.verdict === 'refuted') return 'refuted'
  return isCurrent(guarantee, evidence, subjectDigest, now) ? evidence.verdict : 'stale'
}

/**
 * The evidence a guarantee is judged by: the last, except where that is of a bounded run that refutes nothing. A full run
 * before it that proved or refuted, is fresh and about the same subject knows more, and stands.
 */
export function standing(
  guarantee: Pick<Guarantee, 'freshFor'>,
  latest: Latest | undefined,
  subjectDigest: string | undefined,
  now: number,
): Evidence | undefined {
  if (latest === undefined) return undefined
  const { last, fuller } = latest
  if (fuller === undefined || fuller.verdict === 'inconclusive' || last.verdict === 'refuted') return last
  return isCurrent(guarantee, fuller, subjectDigest, now) ? fuller : last
}

function isCurrent(
  guarantee: Pick<Guarantee, 'freshFor'>,
  evidence: Pick<Evidence, 'subjectDigest' | 'startedAt' | 'tookMs'>,
  subjectDigest: string | undefined,
  now: number,
): boolean {
  const finishedAt = Date.parse(evidence.startedAt) + evidence.tookMs
  const age = now - finishedAt
  // Written so that a date which is none (NaN) counts as stale as well.
  const fresh = age <= guarantee.freshFor && age >= -clockSkewMs
  return fresh && evidence.subjectDigest === subjectDigest
}
