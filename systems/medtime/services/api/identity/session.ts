import { z } from 'zod'
import type { Run } from '../database.ts'

const row = z.tuple([z.object({ lives: z.boolean() })])

/** Whether a session of accounts is still going on: the one question about them that the API's role may ask. */
export function sessionLives(run: Run, now: () => number): (user: string, session: string) => Promise<boolean> {
  return async (user, session) => {
    const rows = await run('session lives', 'SELECT public.srv_session_lives($1, $2, $3) AS lives', [
      user,
      session,
      new Date(now()),
    ])
    return row.parse(rows)[0].lives
  }
}
