import type { SyncError } from '../request.ts'
import { type Clock, systemClock } from '../retry.ts'
import type { AccountsOptions } from './account.ts'
import { createAccountApi } from './account-api.ts'
import { type TokenAnswer, tokenAnswer } from './account-wire.ts'

/** What a device keeps of a session, in the safest place it has: whoever reads it is signed in. */
export interface KeptSession {
  refreshToken: string
  /** Names the exchange that is under way, so that after a lost answer the same is asked again. */
  retryKey: string
}

/** Where a device keeps its session. */
export interface SessionStore {
  read(): Promise<KeptSession | undefined>
  /** Resolves once it is kept: a token that is lost signs the device out. */
  write(session: KeptSession | undefined): Promise<void>
}

export interface SessionTokens {
  /** An access token with some time left; what `createSyncClient` asks for. @throws SyncError SESSION_ENDED */
  token(): Promise<string>
  /** The last one was refused: the next is asked for. */
  renew(): void
}

/** An access token with less left is replaced: a request may take a while. */
const leastLeftMs = 60_000

/** Begins to keep the session of a sign-in. */
export async function keepSession(store: SessionStore, { refresh_token }: TokenAnswer): Promise<void> {
  await store.write({ refreshToken: refresh_token, retryKey: crypto.randomUUID() })
}

/** Access tokens of a kept session, refreshed as they end; one refresh at a time, also when many ask. */
export function createSessionTokens(store: SessionStore, options: AccountsOptions): SessionTokens {
  const clock: Clock = options.clock ?? systemClock
  const api = createAccountApi({
    address: options.address,
    fetch: options.fetch ?? globalThis.fetch,
    clock,
    random: options.random ?? Math.random,
  })
  let current: { token: string; until: number } | undefined
  let refreshing: Promise<string> | undefined

  const refresh = async (): Promise<string> => {
    const kept = await store.read()
    if (kept === undefined) throw new Error('nobody is signed in on this device')
    const asked = { grant_type: 'refresh_token', refresh_token: kept.refreshToken, retry_key: kept.retryKey }
    try {
      const given = await api.send('/auth/token', asked, tokenAnswer)
      await keepSession(store, given)
      current = { token: given.access_token, until: clock.now() + given.expires_in * 1_000 }
      return given.access_token
    } catch (thrown) {
      // Kept any longer it would only be refused again.
      if (isEnded(thrown)) await store.write(undefined)
      throw thrown
    }
  }
  return {
    token: async () => {
      if (current !== undefined && current.until - clock.now() > leastLeftMs) return current.token
      refreshing ??= refresh().finally(() => {
        refreshing = undefined
      })
      return refreshing
    },
    renew: () => {
      current = undefined
    },
  }
}

function isEnded(thrown: unknown): thrown is SyncError {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'SESSION_ENDED'
}
