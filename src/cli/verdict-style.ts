import { styleText } from 'node:util'
import type { Verdict } from '../ledger/evidence.ts'

const colours = {
  proven: 'green',
  refuted: 'red',
  inconclusive: 'yellow',
  stale: 'yellow',
  unproven: 'gray',
} as const satisfies Record<Verdict, string>

/** A verdict in its colour; plain where standard output is not a terminal. */
export function styleVerdict(text: string, verdict: Verdict): string {
  return styleText(colours[verdict], text)
}

/** How many there are of each verdict, from the best known to the worst: `3 proven, 1 stale`. */
export function tally(verdicts: readonly Verdict[]): string {
  const counted = Object.keys(colours).map((verdict) => ({
    verdict,
    count: verdicts.filter((each) => each === verdict).length,
  }))
  return counted
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`)
    .join(', ')
}
