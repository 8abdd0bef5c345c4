import type { Behaviour, Exchange } from 'aval'
import type { People } from '../people.ts'

const promise = 'sources-told'

function importerCase(name: string, title: string, exchanges: Exchange[]): (people: People) => Behaviour {
  return () => ({ id: `${promise}/${name}`, promise: `catalog/${promise}`, title, exchanges })
}

const get = (path: string, expect: Exchange['expect']): Exchange => ({
  service: 'catalog',
  request: { method: 'GET', path },
  expect,
})

/** Of the importer of the catalog, to which no source is configured here: the starter catalog is what it looks after. */
export const catalogSources = [
  importerCase('looked-at', 'What it looks after was looked at, and is not owed', [
    get('/sources', {
      status: 200,
      json: {
        sources_configured: 0,
        sources: [
          {
            source: 'starter',
            every: 'every day',
            checked_at: 're:^\\d{4}-.*Z$',
            due_at: 're:^\\d{4}-.*Z$',
            overdue: false,
            last: 're:^(imported|unchanged)$',
            error_code: null,
            failures: 0,
          },
        ],
      },
    }),
  ]),
  importerCase('serves', 'Without a configured source it serves, and measures its looks', [
    get('/health', { status: 200, json: { status: 'ok' } }),
    get('/health/ready', { status: 200, json: { status: 'ok' } }),
    get('/metrics', {
      status: 200,
      text: { has: ['re:\\ncatalog_looks_total\\{source="starter",outcome="(imported|unchanged)"\\} [1-9]'] },
    }),
  ]),
]
