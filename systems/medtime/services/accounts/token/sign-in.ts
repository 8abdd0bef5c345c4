import type { Database } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import type { Account, Accounts } from '../account/accounts.ts'
import type { Session, Sessions } from '../sessions/sessions.ts'
import type { AccessTokens } from './access-token.ts'
import { accessSeconds } from './access-token.ts'
import type { TokenAnswer } from './wire.ts'

/** Gives tokens to somebody who has shown who they are. */
export interface SignIn {
  /** Begins a session; `withKey` when a password was shown, which alone unwraps the master key. */
  begin(user: string, device: string, withKey: boolean): Promise<TokenAnswer>
  refresh(token: string, retryKey: string | undefined): Promise<TokenAnswer>
}

export interface SignInParts {
  database: Database
  accounts: Accounts
  sessions: Sessions
  accessTokens: AccessTokens
}

export function createSignIn({ database, accounts, sessions, accessTokens }: SignInParts): SignIn {
  const answer = async (account: Account, given: Given): Promise<TokenAnswer> => ({
    access_token: await accessTokens.sign(account, given.session),
    token_type: 'Bearer',
    expires_in: accessSeconds,
    refresh_token: given.refreshToken,
    refresh_expires_in: given.refreshExpiresIn,
    user_id: account.user,
    session_id: given.session,
    tier: account.tier,
    ended_sessions: given.ended.map(({ id, device, createdAt }) => ({
      session_id: id,
      device_id: device,
      created_at: createdAt.toISOString(),
    })),
  })
  return {
    begin: async (user, device, withKey) => {
      const begun = await database.transaction(user, async (run) => {
        const account = await accounts.read(run, user, true)
        // Erased between the two messages.
        if (account === undefined) throw new ApiError('SIGN_IN_FAILED')
        const password = withKey ? await accounts.password(run, user) : undefined
        return { account, wrapped: password?.wrappedMasterKey, given: await sessions.begin(run, account, device) }
      })
      const told = await answer(begun.account, begun.given)
      return begun.wrapped === undefined ? told : { ...told, wrapped_master_key: begun.wrapped.toString('base64') }
    },
    refresh: async (token, retryKey) => {
      const refreshed = await sessions.refresh(token, retryKey)
      if (refreshed.outcome === 'refused') throw new ApiError('SESSION_ENDED')
      return answer(refreshed.account, { ...refreshed, ended: [] })
    },
  }
}

interface Given {
  session: string
  refreshToken: string
  refreshExpiresIn: number
  ended: Session[]
}
