import type { Database } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import type { Accounts } from '../account/accounts.ts'
import type { Handle } from '../account/handle.ts'
import { speakAs } from '../account/speak-as.ts'
import { spend } from '../limits/spend.ts'
import type { Sealing } from '../sealing/seal.ts'
import type { Vouched } from './id-token.ts'

export interface VouchedUserParts {
  database: Database
  accounts: Accounts
  sealing: Sealing
  /** Milliseconds since the epoch. */
  now: () => number
}

/**
 * The user whom a provider vouches for; the first time makes the account. An account with the same e-mail is never joined to it:
 * whoever signed up with somebody else's address would otherwise be let into what that person does here later.
 * @throws ApiError SIGN_IN_FAILED for a token that was taken before
 */
export async function vouchedUser(
  vouched: Vouched,
  { database, accounts, sealing, now }: VouchedUserParts,
): Promise<string> {
  const handle: Handle = { kind: 'identity', hash: sealing.mac('identity', vouched.identity) }
  const found = await database.transaction(null, async (run) => {
    const first = await spend(run, vouched.hash, vouched.expires, now())
    if (!first) throw new ApiError('SIGN_IN_FAILED')
    const user = await accounts.find(run, handle)
    if (user === undefined) return undefined
    await speakAs(run, user)
    if (vouched.tier !== undefined) await accounts.setTier(run, user, vouched.tier)
    return user
  })
  if (found !== undefined) return found
  const { email, tier = 'free' } = vouched
  const made = await accounts.create({ handle, email, tier, now: now() })
  // Somebody else with the same identity was first: it is the same person.
  const user = made ?? (await database.transaction(null, (run) => accounts.find(run, handle)))
  if (user === undefined) throw new ApiError('SIGN_IN_FAILED')
  return user
}
