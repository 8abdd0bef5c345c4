import type { Mutation } from 'aval'
import { preload } from './preload.ts'
import { rewriteFunction } from './rewrite.ts'

/** Breaks of the catalog. */
export const catalogMutations: Mutation[] = [
  {
    id: 'likeness-forgotten',
    breaks: 'behaviour/api/catalog-search',
    description: 'What was mistyped is not looked for by its likeness',
    sql: [rewriteFunction('srv_catalog_search', [{ part: 'n.term % p_core', by: 'false' }])],
  },
  {
    id: 'validators-ignored',
    breaks: 'behaviour/api/catalog-validator',
    description: 'Nobody is believed to hold an answer already',
    environment: preload('api', 'validators-ignored.ts'),
  },
  {
    id: 'half-a-catalog',
    breaks: 'behaviour/api/catalog-download',
    description: 'Half of the medicines cannot be read',
    sql: [
      'DROP POLICY everybody_reads ON public.srv_catalog_medicines',
      "CREATE POLICY everybody_reads ON public.srv_catalog_medicines FOR SELECT TO medtime_api USING (id < '9')",
    ],
  },
  {
    id: 'catalog-errors-tell',
    breaks: 'behaviour/api/catalog-blind',
    description: 'Errors repeat the address that was asked for, and with it the medicine',
    environment: preload('api', 'telling-errors.ts'),
  },
  {
    id: 'sources-forgotten',
    breaks: 'behaviour/catalog/sources-told',
    description: 'The importer runs, and never looks at a source',
    environment: preload('catalog', 'nothing-looked-at.ts'),
  },
  {
    id: 'nothing-imported',
    breaks: 'integrity/database/catalog-in-time',
    description: 'The importer runs, and never looks at a source, so that even the starter catalog is owed',
    environment: preload('catalog', 'nothing-looked-at.ts'),
  },
  {
    id: 'source-stays-away',
    breaks: 'integrity/database/catalog-in-time',
    description: 'A source that was configured forty days ago has never been there',
    sql: [
      'ALTER TABLE public.srv_catalog_duties NO FORCE ROW LEVEL SECURITY',
      "INSERT INTO public.srv_catalog_duties (source, since) VALUES ('ema', now() - interval '40 days')",
      'ALTER TABLE public.srv_catalog_duties FORCE ROW LEVEL SECURITY',
    ],
    environment: { catalog: { CATALOG_EMA: '/nowhere' } },
  },
]
