import type { Database } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import { countedAddress } from '../../api/limits/client-address.ts'
import type { Handle } from '../account/handle.ts'
import type { Sealing } from '../sealing/seal.ts'
import { accept, bitsFor, makeChallenge, type Solution } from './challenge.ts'
import { addTo, type Counted, clearBucket, lockBuckets, usedOf } from './counts.ts'

/** Failures after which work is asked for: of an account TECH-INF-001 §7.3; of an address more, since many may share one. */
const ofAccount = 5
const ofAddress = 20
const windowMs = 3_600_000

/**
 * Stands between a guesser and the sign-ins. Whoever tries a password learns from the first answer whether it was right, so
 * every beginning counts as a failure until it ends in success.
 */
export interface SignInGuard {
  /**
   * Counts a sign-in that begins.
   * @throws ApiError CHALLENGE_REQUIRED with the challenge, after too many; nothing was counted then
   */
  begin(handle: Handle, address: string, solved: Solution | undefined): Promise<void>
  /** The sign-in was one of the account's own person. */
  succeeded(handle: Handle, address: string): Promise<void>
}

export interface GuardOptions {
  database: Database
  /**
   * Told when the failures of an account first ask for work. The answer to whoever tries does not wait for it: by its time nobody can
   * tell whether there is such an account.
   */
  onChallenged?: (handle: Handle) => void
  sealing: Sealing
  /** Milliseconds since the epoch. */
  now: () => number
}

export function createSignInGuard({ database, sealing, onChallenged, now }: GuardOptions): SignInGuard {
  const bucketOf = (kind: string, name: string): Counted => ({
    bucket: `${kind}:${sealing.mac(`failures of ${kind}`, name).toString('base64url')}`,
    windowMs,
  })
  const bucketsOf = ({ hash }: Handle, address: string) => ({
    account: bucketOf('account', hash.toString('hex')),
    // A whole network of IPv6, which one household or one attacker has.
    address: bucketOf('address', countedAddress(address, 'unknown')),
  })
  return {
    begin: async (handle, from, solved) => {
      const { account, address } = bucketsOf(handle, from)
      const refused = await database.transaction(null, async (run) => {
        const at = now()
        await lockBuckets(run, [account, address])
        const failures = (await usedOf(run, account, at)).used
        const fromAddress = (await usedOf(run, address, at)).used
        const needed = failures >= ofAccount || fromAddress >= ofAddress
        const subject = account.bucket
        if (needed && !(solved && (await accept(run, sealing, subject, solved, at)))) {
          return Math.max(bitsFor(failures, ofAccount), bitsFor(fromAddress, ofAddress))
        }
        await addTo(run, account, 1, at)
        await addTo(run, address, 1, at)
        return failures + 1 === ofAccount ? ('challenged' as const) : undefined
      })
      if (refused === 'challenged') onChallenged?.(handle)
      if (typeof refused !== 'number') return
      const details = { challenge: makeChallenge(sealing, account.bucket, refused, now()) }
      throw new ApiError('CHALLENGE_REQUIRED', { details })
    },
    succeeded: async (handle, from) => {
      const { account, address } = bucketsOf(handle, from)
      await database.transaction(null, async (run) => {
        await lockBuckets(run, [account, address])
        await clearBucket(run, account)
        // What others tried from the same address stays: an account of one's own must not wash an address clean.
        await addTo(run, address, -1, now())
      })
    },
  }
}
