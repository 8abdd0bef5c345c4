import { createLocalJWKSet } from 'jose'
import type { Database } from '../api/database.ts'
import { ApiError } from '../api/http/api-error.ts'
import type { Area } from '../api/http/area.ts'
import { describeApi } from '../api/http/openapi.ts'
import { serviceArea } from '../api/http/service-area.ts'
import { createTokenChecker, type TokenChecker } from '../api/identity/token.ts'
import { createAccounts } from './account/accounts.ts'
import type { Handle } from './account/handle.ts'
import { noteChallenged } from './audit/challenged.ts'
import { createIdTokens, type Vouched } from './identity/id-token.ts'
import type { Provider } from './identity/provider.ts'
import { vouchedUser } from './identity/vouched-user.ts'
import { keptOnSuccess } from './kept-on-success.ts'
import { keysArea } from './keys/area.ts'
import { createSigningKeys } from './keys/signing-keys.ts'
import { createSignInGuard } from './limits/sign-in-guard.ts'
import type { Metrics } from './metrics.ts'
import { opaqueOf } from './opaque/setup.ts'
import { passwordArea } from './password/area.ts'
import { createAttempts } from './password/attempts.ts'
import { changeArea } from './password/change-area.ts'
import { recoveryArea } from './recovery/area.ts'
import type { Sealing } from './sealing/seal.ts'
import { secondFactorArea } from './second-factor/area.ts'
import { createFactors } from './second-factor/factors.ts'
import type { SendCode } from './second-factor/send-code.ts'
import { createTickets } from './second-factor/tickets.ts'
import { sessionsArea } from './sessions/area.ts'
import { createSessions } from './sessions/sessions.ts'
import { createAccessTokens } from './token/access-token.ts'
import { tokenArea } from './token/area.ts'
import { createSignIn } from './token/sign-in.ts'

export interface AccountsParts {
  database: Database
  sealing: Sealing
  metrics: Metrics
  /** `iss` and `aud` of the tokens. */
  issuer: string
  audience: string
  /** Whose ID tokens are taken for tokens of ours. */
  providers: readonly Provider[]
  /** Sends codes by SMS; without it they are not offered. */
  sendCode?: SendCode
  /** Milliseconds since the epoch. */
  now: () => number
}

export interface AccountsService {
  areas: Area[]
  tokens: TokenChecker
}

/** Everything that accounts offer; ready once the database is there and its secrets open with the key. */
export function createAccountsService(parts: AccountsParts): AccountsService {
  const { database, sealing, metrics, issuer, audience, now } = parts
  const accounts = createAccounts(database)
  const opaque = keptOnSuccess(() => opaqueOf(database, sealing))
  const keys = createSigningKeys({ database, sealing, now })
  const sessions = createSessions({ database, accounts, now })
  const accessTokens = createAccessTokens({ keys, issuer, audience, now })
  const factors = createFactors({ sealing, now })
  const tickets = createTickets(now)
  const signIn = createSignIn({ database, accounts, sessions, factors, tickets, accessTokens, now })
  const idTokens = createIdTokens(parts.providers, now)
  const userOf = (vouched: Vouched) => vouchedUser(vouched, { database, accounts, sealing, now })
  const attempts = createAttempts({ database, accounts, opaque, sealing, now })
  const onChallenged = (handle: Handle) =>
    void noteChallenged({ database, accounts, now }, handle).catch(() => undefined)
  const guard = createSignInGuard({ database, sealing, onChallenged, now })

  const areas: Area[] = [
    passwordArea({ accounts, attempts, opaque, sealing, guard, now }),
    changeArea({ database, accounts, attempts, opaque, sealing, guard, sessions, now }),
    recoveryArea({ database, accounts, opaque, sealing, guard, sessions, now }),
    tokenArea({ attempts, idTokens, userOf, sealing, signIn, guard, metrics }),
    secondFactorArea({ database, accounts, factors, tickets, sendCode: parts.sendCode, now }),
    sessionsArea(sessions),
    keysArea(keys),
  ]
  const ready = async () => void (await Promise.all([database.ready(), opaque(), keys.signing()]))
  areas.push(serviceArea(metrics, ready, () => description))
  const description = describeApi(
    areas.flatMap(({ routes }) => Object.values(routes)),
    {
      title: 'MedTime accounts',
      description: 'Signs people in without their passwords, and keeps master keys that only their users can unwrap.',
    },
  )

  const checker = createTokenChecker({
    keys: async (header, token) => createLocalJWKSet(await keys.published())(header, token),
    issuer,
    audience,
    now,
  })
  return {
    areas,
    tokens: {
      // Here, where sessions are at hand, one that was ended is refused at once.
      check: async (token) => {
        const identity = await checker.check(token)
        if (identity.session === undefined || !(await sessions.lives(identity.user, identity.session))) {
          throw new ApiError('UNAUTHENTICATED')
        }
        return identity
      },
    },
  }
}
