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
]
