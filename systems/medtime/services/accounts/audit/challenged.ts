import type { Database } from '../../api/database.ts'
import { noteAudit } from '../../api/rights/audit.ts'
import type { Accounts } from '../account/accounts.ts'
import type { Handle } from '../account/handle.ts'

/** Notes that sign-ins to an account failed so often that work is asked for; of an address without an account there is nobody to note it for. */
export async function noteChallenged(
  { database, accounts, now }: { database: Database; accounts: Accounts; now: () => number },
  handle: Handle,
): Promise<void> {
  const user = await database.transaction(null, (run) => accounts.find(run, handle))
  if (user === undefined) return
  await database.transaction(user, (run) => noteAudit(run, user, 'sign_in_challenged', new Date(now())))
}
