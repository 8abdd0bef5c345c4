import type { Guarantee } from '../plan/guarantee.ts'
import type { Evidence, Verdict } from './evidence.ts'

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
  const finishedAt = Date.parse(evidence.startedAt) + evidence.tookMs
  const age = now - finishedAt
  // Written so that a date which is none (NaN) counts as stale as well.
  const fresh = age <= guarantee.freshFor && age >= -clockSkewMs
  return fresh && evidence.subjectDigest === subjectDigest ? evidence.verdict : 'stale'
}
