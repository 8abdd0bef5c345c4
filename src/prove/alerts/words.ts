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

/** On which sides of its bound an alert was quiet and told: by their figures, or by the bound where they cannot be told from it in three digits. */
export function brinkText(metric: string, quiet: number, told: number): string {
  const [below, above] = [quiet, told].map((value) => String(Number(value.toPrecision(3))))
  if (below !== above) return `Quiet with ${metric} at ${below}, told at ${above}`
  return quiet < told
    ? `Quiet with ${metric} just under ${below}, told just over`
    : `Quiet with ${metric} just over ${below}, told just under`
}
