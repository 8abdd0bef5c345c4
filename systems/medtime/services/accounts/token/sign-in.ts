import type { Database, Run } from '../../api/database.ts'
import { ApiError } from '../../api/http/api-error.ts'
import { noteAudit } from '../../api/rights/audit.ts'
import type { Account, Accounts } from '../account/accounts.ts'
import { addTo, type Counted, lockBuckets, usedOf } from '../limits/counts.ts'
import type { Factors, Method } from '../second-factor/factors.ts'
import { type Tickets, ticketUser } from '../second-factor/tickets.ts'
import type { Beginning, Begun, Session, Sessions } from '../sessions/sessions.ts'
import { type AccessTokens, accessSeconds } from './access-token.ts'
import type { TokenAnswer } from './wire.ts'

/** Who has shown a first factor. */
export interface FirstFactor {
  user: string
  device: string
  /** A password was shown, which alone unwraps the master key. */
  withKey: boolean
  /** Whoever vouches for the person has asked for a second factor already. */
  secondFactor: boolean
  /** When whoever vouches for the person saw them; now unless told. */
  authenticatedAt?: Date
  /** The session of this device that this sign-in takes the place of. */
  replaces: string | undefined
}

/** Gives tokens to people who have shown who they are. */
export interface SignIn {
  /** @throws ApiError SECOND_FACTOR_NEEDED, SECOND_FACTOR_SETUP_NEEDED with a ticket to go on with; SIGN_IN_FAILED */
  begin(first: FirstFactor): Promise<Given>
  /** @throws ApiError SIGN_IN_FAILED for a wrong code or ticket, RATE_LIMITED after ten wrong codes in an hour */
  goOn(ticket: string, shown: SecondFactorShown): Promise<Given>
  /** @throws ApiError SESSION_ENDED */
  refresh(token: string, retryKey: string | undefined): Promise<TokenAnswer>
}

export interface SecondFactorShown {
  method: Method | undefined
  code: string | undefined
  replaces: string | undefined
}

export interface Given {
  account: Account
  tokens: TokenAnswer
}

export interface SignInParts {
  database: Database
  accounts: Accounts
  sessions: Sessions
  factors: Factors
  tickets: Tickets
  accessTokens: AccessTokens
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Who knows a password may guess at codes no more often than this: six digits are few. */
const wrongCodes = 10
const wrongCodesMs = 3_600_000

interface Open {
  account: Account
  begun: Begun
  wrapped: Buffer | undefined
}

export function createSignIn(parts: SignInParts): SignIn {
  const { database, accounts, sessions, factors, tickets, accessTokens, now } = parts

  const openSession = async (run: Run, account: Account, beginning: Beginning, withKey: boolean): Promise<Open> => {
    const password = withKey ? await accounts.password(run, account.user) : undefined
    return { account, begun: await sessions.begin(run, account, beginning), wrapped: password?.wrappedMasterKey }
  }
  const give = async ({ account, begun, wrapped }: Open): Promise<Given> => {
    const tokens = await answer(account, begun)
    if (wrapped !== undefined) tokens.wrapped_master_key = wrapped.toString('base64')
    return { account, tokens }
  }
  const answer = async (
    account: Account,
    given: Omit<Begun, 'ended'> & { ended: readonly Session[] },
  ): Promise<TokenAnswer> => ({
    access_token: await accessTokens.sign(account, given.session, given.authenticatedAt),
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
    begin: async ({ user, device, withKey, secondFactor, authenticatedAt, replaces }) => {
      const result = await database.transaction(user, async (run) => {
        const account = await accounts.read(run, user, true)
        if (account === undefined) return undefined
        const methods = await factors.methods(run, user)
        // TECH-INF-001 §2.3: whoever set one up is asked for it, and pro and perfect must.
        if ((account.tier !== 'free' || methods.length > 0) && !secondFactor) {
          return { ticket: await tickets.issue(run, user, { purpose: 'sign_in', device, withKey }), methods }
        }
        return openSession(run, account, { device, replaces, authenticatedAt }, withKey)
      })
      // Erased between the two messages.
      if (result === undefined) throw new ApiError('SIGN_IN_FAILED')
      if ('begun' in result) return give(result)
      throw new ApiError(result.methods.length > 0 ? 'SECOND_FACTOR_NEEDED' : 'SECOND_FACTOR_SETUP_NEEDED', {
        details: { ...result },
      })
    },
    goOn: async (text, { method, code, replaces }) => {
      const user = ticketUser(text)
      if (user === undefined) throw new ApiError('SIGN_IN_FAILED')
      const guesses: Counted = { bucket: `codes:${user}`, windowMs: wrongCodesMs }
      const result = await database.transaction(user, async (run) => {
        const account = await accounts.read(run, user, true)
        const ticket = await tickets.read(run, text, true)
        if (account === undefined || ticket?.purpose !== 'sign_in') return 'SIGN_IN_FAILED' as const
        if (!ticket.satisfied) {
          await lockBuckets(run, [guesses])
          const { used } = await usedOf(run, guesses, now())
          if (used >= wrongCodes) return 'RATE_LIMITED' as const
          const askedFor = method !== undefined && (await factors.methods(run, user)).includes(method)
          if (!askedFor || code === undefined || !(await factors.take(run, user, method, code))) {
            await addTo(run, guesses, 1, now())
            if (used + 1 === wrongCodes) await noteAudit(run, user, 'codes_locked', new Date(now()))
            return 'SIGN_IN_FAILED' as const
          }
        }
        await tickets.close(run, text)
        const open = await openSession(run, account, { device: ticket.device, replaces }, ticket.withKey)
        if (method === 'recovery_code' && !ticket.satisfied) {
          await noteAudit(run, user, 'recovery_code_used', new Date(now()))
        }
        return open
      })
      if (typeof result === 'string') throw new ApiError(result)
      return give(result)
    },
    refresh: async (token, retryKey) => {
      const refreshed = await sessions.refresh(token, retryKey)
      if (refreshed.outcome === 'refused') throw new ApiError('SESSION_ENDED')
      return answer(refreshed.account, { ...refreshed, ended: [] })
    },
  }
}
