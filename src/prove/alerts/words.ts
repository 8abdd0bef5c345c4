import type { Plan } from '../../plan/plan.ts'
import type { ChannelPlan } from '../../watch/notify/setting.ts'
import { untriable } from './channels.ts'

/** Kinds whose end is here in production as well; every other provider has a stand-in in a proof. */
const ownEnds: ReadonlySet<ChannelPlan['kind']> = new Set(['console', 'notify'])

/** At what the channels of a proof ended, since no proof wakes people: `at stand-ins of pagerduty and slack on this machine`. Empty where nothing stood in. */
export function standInsOf({ incidents }: Plan, channels: readonly string[]): string {
  const kinds = channels.flatMap((channel) => incidents.channels[channel]?.kind ?? [])
  const stoodIn = [...new Set(kinds.filter((kind) => !ownEnds.has(kind) && !untriable.has(kind)))]
  if (stoodIn.length === 0) return ''
  return `at ${stoodIn.length === 1 ? 'a stand-in' : 'stand-ins'} of ${stoodIn.join(' and ')} on this machine`
}

/** Two figures in as few digits as tell them apart, three at least. */
export function toldApart(a: number, b: number): [string, string] {
  const short = (value: number, digits: number) => String(Number(value.toPrecision(digits)))
  for (let digits = 3; digits < 17; digits++) {
    if (short(a, digits) !== short(b, digits)) return [short(a, digits), short(b, digits)]
  }
  return [String(a), String(b)]
}
