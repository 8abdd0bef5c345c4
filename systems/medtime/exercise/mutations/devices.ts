import type { Mutation } from 'aval'
import { rewriteFunction } from './rewrite.ts'

const breaks = 'recovery/devices/identical-states'
const walked = 'WHERE e.user_id = p_user AND e.sequence > given'

/** Breaks of what lets devices agree in the end. */
export const devicesMutations: Mutation[] = [
  {
    id: 'every-second-tombstone-dropped',
    breaks,
    description: 'One deletion of two is left out of pulls',
    sql: [
      rewriteFunction('srv_text_page', [
        { part: walked, by: `${walked} AND (e.deleted_at IS NULL OR e.sequence % 2 <> 0)` },
      ]),
    ],
  },
  {
    id: 'forgetful-devices',
    breaks,
    description: 'A device forgets what waits to be sent when nobody answers',
  },
]
