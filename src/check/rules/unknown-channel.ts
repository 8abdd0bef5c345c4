import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const unknownChannel: Rule = {
  id: 'unknown-channel',
  severity: 'error',
  summary: 'Whatever notifies somebody names channels that incidents.channels declares.',
  check: ({ plan }) => {
    const channels = Object.keys(plan.incidents.channels)
    const { routing, heartbeat, guarantees, objectives } = plan.incidents
    const named = [
      ...Object.entries(plan.alerts).map(([name, { notify }]) => ({ path: ['alerts', name, 'notify'], notify })),
      ...Object.entries(plan.probes).map(([name, { notify }]) => ({ path: ['probes', name, 'notify'], notify })),
      ...Object.entries(plan.incidents.channels).map(([name, { otherwise }]) => ({
        path: ['incidents', 'channels', name, 'otherwise'],
        notify: otherwise,
      })),
      ...Object.entries(plan.spend).map(([name, { notify }]) => ({ path: ['spend', name, 'notify'], notify })),
      ...Object.entries(objectives).map(([name, { notify }]) => ({
        path: ['incidents', 'objectives', name, 'notify'],
        notify,
      })),
      ...Object.entries(routing.severities).map(([severity, notify]) => ({
        path: ['incidents', 'routing', 'severities', severity],
        notify,
      })),
      { path: ['incidents', 'guarantees', 'notify'], notify: guarantees.notify },
      { path: ['incidents', 'heartbeat', 'notify'], notify: heartbeat?.notify ?? [] },
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
