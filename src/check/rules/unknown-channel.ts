import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownChannel: Rule = {
  id: 'unknown-channel',
  severity: 'error',
  summary: 'Alerts and probes notify channels that incidents.channels declares.',
  check: ({ plan }) => {
    const channels = Object.keys(plan.incidents.channels)
    const named = [
      ...Object.entries(plan.alerts).map(([name, { notify }]) => ({ path: ['alerts', name, 'notify'], notify })),
      ...Object.entries(plan.probes).map(([name, { notify }]) => ({ path: ['probes', name, 'notify'], notify })),
    ]
    return named.flatMap(({ path, notify }) =>
      notify.flatMap((channel, index) =>
        channels.includes(channel)
          ? []
          : [
              {
                path: [...path, index],
                message: `There is no channel "${channel}": nobody would be told.`,
                fix: suggest(channel, channels, 'Declare it in incidents.channels.'),
              },
            ],
      ),
    )
  },
}
