import type { Database, Run } from '../database.ts'
import { noteAudit } from './audit.ts'
import type { Consents } from './wire.ts'

interface Row {
  text_id: string
  given_at: Date
  withdrawn_at: Date | null
}

/** What a user agreed to. Giving what stands, or withdrawing what does not, changes nothing and is no event. */
export interface ConsentRecord {
  list(user: string): Promise<Consents>
  give(user: string, text: string, now: Date): Promise<Consents>
  withdraw(user: string, text: string, now: Date): Promise<Consents>
}

export function consentRecord(database: Database): ConsentRecord {
  return {
    list: (user) => database.transaction(user, (run) => list(run, user)),
    give: (user, text, now) =>
      database.transaction(user, async (run) => {
        await run('make-user', 'INSERT INTO public.srv_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [user])
        const given = await run(
          'give-consent',
          `INSERT INTO public.srv_consents (user_id, text_id, given_at) VALUES ($1, $2, $3)
           ON CONFLICT (user_id, text_id) WHERE withdrawn_at IS NULL DO NOTHING RETURNING text_id`,
          [user, text, now],
        )
        const all = await list(run, user)
        if (given.length > 0) await noteAudit(run, user, 'consent_given', now)
        return all
      }),
    withdraw: (user, text, now) =>
      database.transaction(user, async (run) => {
        const withdrawn = await run(
          'withdraw-consent',
          `UPDATE public.srv_consents SET withdrawn_at = greatest(given_at, $3)
           WHERE user_id = $1 AND text_id = $2 AND withdrawn_at IS NULL RETURNING text_id`,
          [user, text, now],
        )
        const all = await list(run, user)
        if (withdrawn.length > 0) await noteAudit(run, user, 'consent_withdrawn', now)
        return all
      }),
  }
}

async function list(run: Run, user: string): Promise<Consents> {
  const rows = await run<Row>(
    'consents',
    'SELECT text_id, given_at, withdrawn_at FROM public.srv_consents WHERE user_id = $1 ORDER BY given_at, text_id',
    [user],
  )
  return rows.map(({ text_id, given_at, withdrawn_at }) => ({
    text_id,
    given_at: given_at.toISOString(),
    withdrawn_at: withdrawn_at?.toISOString() ?? null,
  }))
}
