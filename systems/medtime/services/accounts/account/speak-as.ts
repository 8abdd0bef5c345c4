import type { Run } from '../../api/database.ts'

/** From here to its end the transaction is one of this user: row security shows it that user's rows and no others. */
export async function speakAs(run: Run, user: string): Promise<void> {
  await run('claims', "SELECT set_config('request.jwt.claims', $1, true)", [JSON.stringify({ sub: user })])
}
