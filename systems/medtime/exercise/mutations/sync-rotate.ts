import type { Mutation } from 'aval'
import { rewriteFunction } from './rewrite.ts'

/** Breaks of `srv_rotate`. */
export const syncRotateMutations: Mutation[] = [
  {
    id: 'rotation-half-done',
    breaks: 'behaviour/api/rotation-whole',
    description: 'A rotation does not mind what was left out of it: half of a collection stays under the old key',
    sql: [rewriteFunction('srv_rotate', [{ part: 'OR s.id IS NULL OR s.base', by: 'OR s.base' }])],
  },
  {
    id: 'rotation-writes-over',
    breaks: 'behaviour/api/rotation-whole',
    description: 'A rotation does not look at versions, and buries what another device wrote meanwhile',
    sql: [rewriteFunction('srv_rotate', [{ part: 'OR s.base <> e.version', by: '' }])],
  },
]
