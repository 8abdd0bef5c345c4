import type { Random } from '../../random.ts'

const firstMs = 2_000
const longestMs = 900_000

/** How long to wait after so many failures: doubled each time from 2 s to 15 min, less up to half of it, so that a provider that comes back is not met by everything at once. */
export function backoffMs(failures: number, random: Random): number {
  const whole = Math.min(firstMs * 2 ** Math.max(failures - 1, 0), longestMs)
  return Math.round(whole * (1 - random.next() / 2))
}

/** What each kind of provider takes of one sender, where the plan says nothing. */
export const usualLimits = {
  slack: { messages: 1, per: 1_000 },
  pagerduty: { messages: 120, per: 60_000 },
  email: { messages: 30, per: 60_000 },
  sms: { messages: 1, per: 1_000 },
  webhook: { messages: 60, per: 60_000 },
  notify: { messages: 600, per: 60_000 },
  monitor: { messages: 600, per: 60_000 },
  console: { messages: 600, per: 60_000 },
} as const
