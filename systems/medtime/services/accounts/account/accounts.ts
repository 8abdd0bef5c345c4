import { randomUUID } from 'node:crypto'
import type { Database, Run } from '../../api/database.ts'
import type { Handle } from './handle.ts'
import { speakAs } from './speak-as.ts'

export type Tier = 'free' | 'pro' | 'perfect'

export interface Account {
  user: string
  email: string
  tier: Tier
}

/** How a client stretched its password. */
export interface Kdf {
  memory_kib: number
  iterations: number
  parallelism: number
}

export interface PasswordRecord {
  /** Which key of OPAQUE it was registered under: a new one each time. */
  registrationId: string
  registration: string
  kdf: Kdf
  wrappedMasterKey: Buffer
}

export interface Recovery {
  proofHash: Buffer
  wrappedMasterKey: Buffer
}

/** The accounts in the database. Statements that take a `Run` belong to a transaction that speaks as the user. */
export interface Accounts {
  /** @returns the user, or undefined when the handle leads to somebody already; then nothing was written */
  create(account: NewAccount): Promise<string | undefined>
  /** Whose the handle is. */
  find(run: Run, handle: Handle): Promise<string | undefined>
  /** @param lock nobody else changes the account or its sessions before the transaction ends */
  read(run: Run, user: string, lock?: boolean): Promise<Account | undefined>
  setTier(run: Run, user: string, tier: Tier): Promise<void>
  password(run: Run, user: string): Promise<PasswordRecord | undefined>
  setPassword(run: Run, user: string, password: PasswordRecord, now: number): Promise<void>
  recovery(run: Run, user: string): Promise<Recovery | undefined>
  setRecovery(run: Run, user: string, recovery: Recovery, now: number): Promise<void>
}

export interface NewAccount {
  handle: Handle
  email: string
  tier: Tier
  password?: PasswordRecord
  recovery?: Recovery
  /** Milliseconds since the epoch. */
  now: number
}

interface PasswordRow {
  registration_id: string
  registration_record: string
  kdf_memory_kib: number
  kdf_iterations: number
  kdf_parallelism: number
  wrapped_master_key: Buffer
}

export function createAccounts(database: Database): Accounts {
  const accounts: Accounts = {
    create: async (account) =>
      database
        .transaction(null, async (run) => {
          const user = randomUUID()
          await speakAs(run, user)
          await run('make user', 'INSERT INTO public.srv_users (user_id) VALUES ($1)', [user])
          // Whoever asks at the same moment waits here, and then finds the handle taken.
          const taken = await run<{ user_id: string }>(
            'take handle',
            `INSERT INTO public.srv_account_handles (kind, hash, user_id) VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING RETURNING user_id`,
            [account.handle.kind, account.handle.hash, user],
          )
          if (taken.length === 0) throw new HandleTaken()
          await run(
            'make account',
            'INSERT INTO public.srv_accounts (user_id, email, tier, created_at) VALUES ($1, $2, $3, $4)',
            [user, account.email, account.tier, new Date(account.now)],
          )
          if (account.password) await accounts.setPassword(run, user, account.password, account.now)
          if (account.recovery) await accounts.setRecovery(run, user, account.recovery, account.now)
          return user
        })
        .catch((thrown: unknown) => {
          if (thrown instanceof HandleTaken) return undefined
          throw thrown
        }),
    find: async (run, { kind, hash }) => {
      const rows = await run<{ user_id: string }>(
        'find handle',
        'SELECT user_id FROM public.srv_account_handles WHERE kind = $1 AND hash = $2',
        [kind, hash],
      )
      return rows[0]?.user_id
    },
    read: async (run, user, lock = false) => {
      const rows = await run<{ email: string; tier: Tier }>(
        lock ? 'lock account' : 'read account',
        `SELECT email, tier FROM public.srv_accounts WHERE user_id = $1 ${lock ? 'FOR NO KEY UPDATE' : ''}`,
        [user],
      )
      return rows[0] && { user, ...rows[0] }
    },
    setTier: async (run, user, tier) => {
      await run('set tier', 'UPDATE public.srv_accounts SET tier = $2 WHERE user_id = $1 AND tier <> $2', [user, tier])
    },
    password: async (run, user) => {
      const rows = await run<PasswordRow>(
        'read password',
        `SELECT registration_id, registration_record, kdf_memory_kib, kdf_iterations, kdf_parallelism, wrapped_master_key
         FROM public.srv_account_passwords WHERE user_id = $1`,
        [user],
      )
      const [row] = rows
      return (
        row && {
          registrationId: row.registration_id,
          registration: row.registration_record,
          kdf: { memory_kib: row.kdf_memory_kib, iterations: row.kdf_iterations, parallelism: row.kdf_parallelism },
          wrappedMasterKey: row.wrapped_master_key,
        }
      )
    },
    setPassword: async (run, user, { registrationId, registration, kdf, wrappedMasterKey }, now) => {
      await run(
        'set password',
        `INSERT INTO public.srv_account_passwords AS p
           (user_id, registration_id, registration_record, kdf_memory_kib, kdf_iterations, kdf_parallelism,
            wrapped_master_key, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (user_id) DO UPDATE SET registration_id = $2, registration_record = $3, kdf_memory_kib = $4,
           kdf_iterations = $5, kdf_parallelism = $6, wrapped_master_key = $7, changed_at = $8`,
        [
          user,
          registrationId,
          registration,
          kdf.memory_kib,
          kdf.iterations,
          kdf.parallelism,
          wrappedMasterKey,
          new Date(now),
        ],
      )
    },
    recovery: async (run, user) => {
      const rows = await run<{ proof_hash: Buffer; wrapped_master_key: Buffer }>(
        'read recovery',
        'SELECT proof_hash, wrapped_master_key FROM public.srv_account_recoveries WHERE user_id = $1',
        [user],
      )
      const [row] = rows
      return row && { proofHash: row.proof_hash, wrappedMasterKey: row.wrapped_master_key }
    },
    setRecovery: async (run, user, { proofHash, wrappedMasterKey }, now) => {
      await run(
        'set recovery',
        `INSERT INTO public.srv_account_recoveries AS r (user_id, proof_hash, wrapped_master_key, changed_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET proof_hash = $2, wrapped_master_key = $3, changed_at = $4`,
        [user, proofHash, wrappedMasterKey, new Date(now)],
      )
    },
  }
  return accounts
}

/** Takes the transaction back. */
class HandleTaken extends Error {}
