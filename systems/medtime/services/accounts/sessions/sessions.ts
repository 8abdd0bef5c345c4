import { randomUUID } from 'node:crypto'
import type { Database, Run } from '../../api/database.ts'
import type { Account, Accounts } from '../account/accounts.ts'
import { speakAs } from '../account/speak-as.ts'
import { hashToken, newSecret, readRefreshToken, successorSecret, writeRefreshToken } from './refresh-token.ts'

/** Sessions of a user by tier: TECH-INF-001 §2.3. */
export const sessionLimits = { free: 2, pro: 5, perfect: 10 } as const

const day = 86_400_000
/** A refresh token is good for this long (BACKEND-ARCH-001 §5.5.1), and a session never lives longer than the second. */
export const refreshMs = 7 * day
export const absoluteMs = 30 * day
/** A request that is sent again within this time, with its retry key, is answered again. */
const retryWithinMs = 10 * 60_000
/** Sessions that ended are remembered as long as one of their access tokens may still be shown, and then for the person to see. */
const endedKeptMs = 7 * day

export type EndReason = 'signed_out' | 'replaced' | 'reuse' | 'password_changed' | 'recovered'

export interface Session {
  id: string
  device: string
  createdAt: Date
  refreshedAt: Date
  expiresAt: Date
}

export interface Begun {
  session: string
  authenticatedAt: Date
  refreshToken: string
  /** Seconds. */
  refreshExpiresIn: number
  /** Sessions that had to end, since the tier allows no more. */
  ended: Session[]
}

export type Refreshed =
  | {
      outcome: 'refreshed'
      account: Account
      session: string
      authenticatedAt: Date
      refreshToken: string
      refreshExpiresIn: number
    }
  | { outcome: 'refused' }

/** What begins a session. */
export interface Beginning {
  device: string
  /** The session of the same device that this one takes the place of, so that none of another device ends for it. */
  replaces?: string | undefined
  /** When the person showed who they are; now unless told. */
  authenticatedAt?: Date | undefined
}

/** Who is signed in where. All of it stands in the database, so that every instance knows at once what another ended. */
export interface Sessions {
  /** Begins a session in a transaction that speaks as its user and holds the lock on the account. */
  begin(run: Run, account: Account, beginning: Beginning): Promise<Begun>
  /** Takes a refresh token and gives the next one. An old one, whoever sends it, ends the session. */
  refresh(token: string, retryKey: string | undefined): Promise<Refreshed>
  list(user: string): Promise<Session[]>
  /** @returns whether there was such a session going on */
  end(user: string, session: string): Promise<boolean>
  /** Ends all sessions of the user of this transaction but one. */
  endOthers(run: Run, user: string, kept: string | undefined, because: EndReason): Promise<void>
  lives(user: string, session: string): Promise<boolean>
}

interface SessionRow {
  session_id: string
  device_id: string
  created_at: Date
  refreshed_at: Date
  expires_at: Date
}

interface TokenRow {
  session_id: string
  used_at: Date | null
  successor_hash: Buffer | null
  lives: boolean
  absolute_until: Date
  authenticated_at: Date
}

const columns = 'session_id, device_id, created_at, refreshed_at, expires_at'
const alive = `s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
  AND s.epoch = (SELECT e.epoch FROM public.srv_sync_epoch AS e)`

export interface SessionsOptions {
  database: Database
  accounts: Accounts
  /** Milliseconds since the epoch. */
  now: () => number
}

export function createSessions({ database, accounts, now }: SessionsOptions): Sessions {
  const asUser = <T>(user: string, work: (run: Run, at: Date) => Promise<T>): Promise<T> =>
    database.transaction(user, (run) => work(run, new Date(now())))

  const endOne = async (run: Run, user: string, session: string, because: EndReason, at: Date): Promise<boolean> => {
    const rows = await run(
      'end session',
      `UPDATE public.srv_sessions SET ended_at = $3, ended_because = $4
       WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL RETURNING session_id`,
      [user, session, at, because],
    )
    return rows.length > 0
  }
  const issue = async (run: Run, user: string, session: string, secret: Buffer, at: Date): Promise<string> => {
    const token = writeRefreshToken({ user, session, secret })
    await run(
      'keep refresh token',
      `INSERT INTO public.srv_refresh_tokens (user_id, token_hash, session_id, issued_at) VALUES ($1, $2, $3, $4)`,
      [user, hashToken(token), session, at],
    )
    return token
  }

  return {
    begin: async (run, { user, tier }, { device, replaces, authenticatedAt }) => {
      const at = new Date(now())
      const authenticated = authenticatedAt !== undefined && authenticatedAt < at ? authenticatedAt : at
      await run(
        'forget sessions',
        'DELETE FROM public.srv_sessions WHERE user_id = $1 AND (ended_at < $2 OR expires_at < $2)',
        [user, new Date(at.getTime() - endedKeptMs)],
      )
      if (replaces !== undefined) await endOne(run, user, replaces, 'replaced', at)
      const going = await run<SessionRow>(
        'sessions, oldest first',
        `SELECT ${columns} FROM public.srv_sessions AS s WHERE ${alive} ORDER BY created_at, session_id`,
        [user, at],
      )
      const tooMany = going.slice(0, Math.max(0, going.length - sessionLimits[tier] + 1))
      for (const { session_id } of tooMany) await endOne(run, user, session_id, 'replaced', at)
      const session = randomUUID()
      const expires = new Date(at.getTime() + refreshMs)
      await run(
        'begin session',
        `INSERT INTO public.srv_sessions
           (user_id, session_id, device_id, created_at, refreshed_at, expires_at, absolute_until, authenticated_at, epoch)
         SELECT $1, $2, $3, $4, $4, $5, $6, $7, epoch FROM public.srv_sync_epoch`,
        [user, session, device, at, expires, new Date(at.getTime() + absoluteMs), authenticated],
      )
      const refreshToken = await issue(run, user, session, newSecret(), at)
      return {
        session,
        authenticatedAt: authenticated,
        refreshToken,
        refreshExpiresIn: refreshMs / 1000,
        ended: tooMany.map(sessionOf),
      }
    },

    refresh: async (text, retryKey) => {
      const token = readRefreshToken(text)
      if (token === undefined) return { outcome: 'refused' }
      const { user, session } = token
      return asUser(user, async (run, at): Promise<Refreshed> => {
        // Two requests with the same token come one after the other.
        const account = await accounts.read(run, user, true)
        const rows = await run<TokenRow>(
          'find refresh token',
          `SELECT t.session_id, t.used_at, t.successor_hash, s.absolute_until,
             coalesce(s.authenticated_at, s.created_at) AS authenticated_at, (${alive}) AS lives
           FROM public.srv_refresh_tokens AS t JOIN public.srv_sessions AS s USING (user_id, session_id)
           WHERE t.user_id = $1 AND t.token_hash = $3`,
          [user, at, hashToken(text)],
        )
        const [row] = rows
        if (account === undefined || row?.lives !== true) return { outcome: 'refused' }
        const secret = retryKey === undefined ? newSecret() : successorSecret(token.secret, retryKey)
        const until = Math.min(at.getTime() + refreshMs, row.absolute_until.getTime())
        const { authenticated_at: authenticatedAt } = row
        const given = { account, session, authenticatedAt, refreshExpiresIn: Math.floor((until - at.getTime()) / 1000) }
        if (row.used_at !== null) {
          const again = writeRefreshToken({ user, session, secret })
          const repeated =
            at.getTime() - row.used_at.getTime() < retryWithinMs &&
            row.successor_hash?.equals(hashToken(again)) === true &&
            !(await wasUsed(run, user, row.successor_hash))
          if (repeated) return { outcome: 'refreshed', ...given, refreshToken: again }
          // Of the two that hold this token one is a thief, and nobody can tell which.
          await endOne(run, user, session, 'reuse', at)
          return { outcome: 'refused' }
        }
        const refreshToken = await issue(run, user, session, secret, at)
        await run(
          'use refresh token',
          'UPDATE public.srv_refresh_tokens SET used_at = $3, successor_hash = $4 WHERE user_id = $1 AND token_hash = $2',
          [user, hashToken(text), at, hashToken(refreshToken)],
        )
        await run(
          'prolong session',
          'UPDATE public.srv_sessions SET refreshed_at = $3, expires_at = $4 WHERE user_id = $1 AND session_id = $2',
          [user, session, at, new Date(until)],
        )
        return { outcome: 'refreshed', ...given, refreshToken }
      })
    },

    list: (user) =>
      asUser(user, async (run, at) => {
        const rows = await run<SessionRow>(
          'list sessions',
          `SELECT ${columns} FROM public.srv_sessions AS s WHERE ${alive} ORDER BY created_at, session_id`,
          [user, at],
        )
        return rows.map(sessionOf)
      }),
    end: (user, session) => asUser(user, (run, at) => endOne(run, user, session, 'signed_out', at)),
    endOthers: async (run, user, kept, because) => {
      await speakAs(run, user)
      await run(
        'end other sessions',
        `UPDATE public.srv_sessions SET ended_at = $3, ended_because = $4
         WHERE user_id = $1 AND session_id IS DISTINCT FROM $2 AND ended_at IS NULL`,
        [user, kept ?? null, new Date(now()), because],
      )
    },
    lives: (user, session) =>
      asUser(user, async (run, at) => {
        const rows = await run(
          'session lives',
          `SELECT 1 FROM public.srv_sessions AS s WHERE ${alive} AND s.session_id = $3`,
          [user, at, session],
        )
        return rows.length > 0
      }),
  }
}

async function wasUsed(run: Run, user: string, hash: Buffer): Promise<boolean> {
  const rows = await run<{ used: boolean }>(
    'token was used',
    'SELECT used_at IS NOT NULL AS used FROM public.srv_refresh_tokens WHERE user_id = $1 AND token_hash = $2',
    [user, hash],
  )
  return rows[0]?.used !== false
}

function sessionOf(row: SessionRow): Session {
  return {
    id: row.session_id,
    device: row.device_id,
    createdAt: row.created_at,
    refreshedAt: row.refreshed_at,
    expiresAt: row.expires_at,
  }
}
