import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const probeTarget: Rule = {
  id: 'probe-target',
  severity: 'error',
  summary: 'A probe has something to ask: an address, a path of a known service, or a database.',
  check: ({ plan }) => {
    const services = Object.keys(plan.services)
    return Object.entries(plan.probes).flatMap(([name, probe]) => {
      const path = ['probes', name]
      if ('sql' in probe && !plan.database) {
        const fix = 'Add the database section, or probe an address.'
        return [{ path: [...path, 'sql'], message: `${name} asks a database, and the plan has none.`, fix }]
      }
      if (!('http' in probe)) return []
      if (probe.service !== undefined && !services.includes(probe.service)) {
        const fix = suggest(probe.service, services, 'Add the service.')
        return [{ path: [...path, 'service'], message: `There is no service "${probe.service}".`, fix }]
      }
      if (probe.service !== undefined && probe.http.startsWith('/')) return []
      if (probe.service === undefined && /^https?:\/\/\S+$/.test(probe.http)) return []
      return [
        {
          path: [...path, 'http'],
          message:
            probe.service === undefined
              ? `"${probe.http}" is no address, and no service is named whose path it could be.`
              : `"${probe.http}" is no path of ${probe.service}.`,
          fix: probe.service === undefined ? 'Write https://..., or add service.' : 'Begin it with "/".',
        },
      ]
    })
  },
}
