import { z } from 'zod'
import { createRequest, refusal } from '../request.ts'
import { type Clock, systemClock } from '../retry.ts'
import type { AccountsOptions } from './account.ts'
import type { TokenAnswer } from './account-wire.ts'
import { keepSession, type SessionStore, type SessionTokens } from './session-tokens.ts'

export interface OwnDataOptions extends AccountsOptions {
  /** The session of this device, as `createSessionTokens` makes it. */
  session: SessionTokens
  /** Where that session is kept: the same that `createSessionTokens` was given. */
  keychain: SessionStore
  /**
   * Asks the person to sign in again, as they did at first. A stolen token thereby takes nothing along and erases nothing.
   * @param replaces the session that this sign-in takes the place of: hand it to `signIn`, so that no other device is signed out
   */
  signInAgain: (replaces: string) => Promise<TokenAnswer>
}

/** What a person may ask of whoever keeps their data. Each asks for a sign-in of the last 5 minutes, and brings it about. */
export interface OwnData {
  /** Everything the server holds on them. @throws SyncError, TransientError, and whatever `signInAgain` throws */
  export(): Promise<unknown>
  /** Erases the account, at once and for good. @returns when the last backup goes; `erased` is false when there was nothing */
  erase(): Promise<z.output<typeof erasure>>
}

const erasure = z.object({ erased: z.boolean(), backups_expire_at: z.iso.datetime() })
const own = z.object({ sub: z.string(), sid: z.string() })

/**
 * @param options.address of the API, not of the accounts
 * @throws TypeError when `keychain` keeps no session, such as the store of the entities: later the person would have signed in for nothing
 */
export function createOwnData(options: OwnDataOptions): OwnData {
  const { session, keychain, signInAgain } = options
  if (![keychain?.read, keychain?.write].every((member) => typeof member === 'function')) {
    throw new TypeError('keychain must be what createSessionTokens was given: it reads and writes a session')
  }
  const clock: Clock = options.clock ?? systemClock
  const request = createRequest({
    address: options.address,
    token: session.token,
    fetch: options.fetch ?? globalThis.fetch,
    clock,
    random: options.random ?? Math.random,
  })
  const claims = async () => own.parse(claimsOf(await session.token()))
  const ask = async (path: string, method: 'GET' | 'DELETE'): Promise<unknown> => {
    const first = await request(path, { method })
    if (first.status === 200) return first.body
    const refused = refusal(first.status, first.body)
    if (refused.code !== 'RECENT_SIGN_IN_NEEDED') throw refused
    await keepSession(keychain, await signInAgain((await claims()).sid))
    session.renew()
    const second = await request(path, { method })
    if (second.status !== 200) throw refusal(second.status, second.body)
    return second.body
  }
  return {
    export: () => ask('/account/export', 'GET'),
    erase: async () => erasure.parse(await ask(`/account?confirm=${(await claims()).sub}`, 'DELETE')),
  }
}

/** What a token of ours says; nothing is decided by it here, so that its signature is not looked at. */
function claimsOf(token: string): unknown {
  const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  return JSON.parse(atob(payload))
}
