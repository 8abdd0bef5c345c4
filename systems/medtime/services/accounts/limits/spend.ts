import type { Run } from '../../api/database.ts'

/** Whether something that is good once is used for the first time. @param expires when it is good no more by itself */
export async function spend(run: Run, hash: Buffer, expires: Date, now: number): Promise<boolean> {
  await run('forget spent', 'DELETE FROM public.srv_spent_challenges WHERE expires_at < $1', [new Date(now)])
  const first = await run(
    'spend',
    `INSERT INTO public.srv_spent_challenges (challenge_hash, expires_at) VALUES ($1, $2)
     ON CONFLICT DO NOTHING RETURNING challenge_hash`,
    [hash, expires],
  )
  return first.length > 0
}
