import type { Judged } from '../prover.ts'
import type { Fuzzed } from './fuzz.ts'
import { depthOf, type Tally } from './tally.ts'

/**
 * What all requests for a service come to. Whatever was answered wrongly is a breach; without one, what was never asked or
 * hardly got past the door says nothing about the service.
 * @param ended services that ended meanwhile. @param leaks where what was sent was found
 */
export function judgeRun(
  service: string,
  { sent, tallies, breaches }: Fuzzed,
  ended: number,
  leaks: readonly string[],
  seed: number,
): Judged {
  const depth = depthOf(tallies)
  const deaths = ended === 0 ? [] : [`${ended} services ended while they were asked`]
  const wrong = [...breaches.map(({ says, example }) => `${says} (${example})`), ...leaks, ...deaths]
  const unasked = tallies.filter((tally) => tally.sent === 0)
  const failing = tallies.filter(
    (tally) => tally.sent > 0 && [...tally.statuses.keys()].every((status) => status < 200 || status >= 400),
  )
  const never = failing.length === 0 ? '' : `; never with success: ${named(failing)}`
  if (wrong.length === 0 && unasked.length > 0) {
    return {
      outcome: 'inconclusive',
      reason: `${unasked.length} of ${tallies.length} operations were not asked in ${sent} requests; never asked: ${named(unasked)}${never}`,
      remedy: `Send more, with a larger --count: ${service} has ${tallies.length} operations`,
    }
  }
  if (wrong.length === 0 && depth.atTheDoor > sent / 2) {
    return {
      outcome: 'inconclusive',
      reason: `${depth.atTheDoor} of ${sent} requests were refused at the door (401 or 429) and tried nothing behind it`,
      remedy: 'Give the exercise behaviours in which people who are signed in use each operation',
    }
  }
  const told = `${depth.succeeded} with success, ${depth.refused} refused, ${depth.atTheDoor} at the door`
  return {
    outcome: 'measured',
    measured: wrong.length,
    sample: { size: sent, of: `requests for ${tallies.length} operations of ${service}: ${told}` },
    scale: null,
    reason:
      wrong.length === 0
        ? `All of ${sent} requests were answered as declared and none in a log: ${told}${never}`
        : `${wrong.length} kinds of breach: ${wrong[0]}`,
    remedy: `Repeat with --seed ${seed}; the step of the operation and the request say what was sent`,
  }
}

function named(tallies: readonly Tally[]): string {
  return tallies.map(({ operation }) => operation).join(', ')
}
