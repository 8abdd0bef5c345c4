import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../../api/database.ts'
import type { Accounts, Kdf } from '../account/accounts.ts'
import { credentialOf, type Handle } from '../account/handle.ts'
import { speakAs } from '../account/speak-as.ts'
import type { Opaque } from '../opaque/opaque.ts'
import type { Sealing } from '../sealing/seal.ts'

/** Between the two messages of a sign-in there may be this long; stretching a password takes a second on a slow phone. */
export const attemptMs = 120_000

/** What an account that does not exist is said to stretch its password with: what every client uses. */
const usualKdf: Kdf = { memory_kib: 65_536, iterations: 3, parallelism: 4 }

/** Sign-ins that have begun. Whether there is such an account decides nothing here: every step is the same without one. */
export interface Attempts {
  /** @throws ApiError BAD_REQUEST when the message is malformed */
  start(handle: Handle, loginRequest: string): Promise<{ attempt: string; response: string; kdf: Kdf }>
  /** Whose password was shown; undefined when none was. An attempt is used up by this, however it ends. */
  finish(attempt: string, finishRequest: string): Promise<Finished>
}

export interface Finished {
  /** Whom the attempt was for; undefined when there is no such attempt any more. */
  handle: Handle | undefined
  user: string | undefined
}

const attemptState = z.strictObject({ login: z.string(), record: z.string() })

export interface AttemptsOptions {
  database: Database
  accounts: Accounts
  opaque: () => Promise<Opaque>
  sealing: Sealing
  /** Milliseconds since the epoch. */
  now: () => number
}

export function createAttempts({ database, accounts, opaque, sealing, now }: AttemptsOptions): Attempts {
  return {
    start: async (handle, loginRequest) => {
      const attempt = randomUUID()
      const server = await opaque()
      return database.transaction(null, async (run) => {
        const user = await accounts.find(run, handle)
        // The same statements for nobody as for somebody.
        await speakAs(run, user ?? randomUUID())
        const password = await accounts.password(run, user ?? attempt)
        const credential = credentialOf(sealing, handle, password?.registrationId)
        const { state, response } = server.start(credential, password?.registration, loginRequest)
        const kept = { login: state, record: digest(password?.registration ?? '') }
        await run('forget attempts', 'DELETE FROM public.srv_sign_in_attempts WHERE expires_at < $1', [new Date(now())])
        await run(
          'keep attempt',
          'INSERT INTO public.srv_sign_in_attempts (attempt_id, handle, state, expires_at) VALUES ($1, $2, $3, $4)',
          [attempt, handle.hash, sealing.seal(`attempt ${attempt}`, JSON.stringify(kept)), new Date(now() + attemptMs)],
        )
        return { attempt, response, kdf: password?.kdf ?? usualKdf }
      })
    },
    finish: async (attempt, finishRequest) => {
      // Taken in a transaction of its own: what fails after it does not bring the attempt back.
      const rows = await database.run<{ handle: Buffer; state: Buffer; expires_at: Date }>(
        'take attempt',
        'DELETE FROM public.srv_sign_in_attempts WHERE attempt_id = $1 RETURNING handle, state, expires_at',
        [attempt],
      )
      const [row] = rows
      if (row === undefined || row.expires_at.getTime() <= now()) return { handle: undefined, user: undefined }
      const handle: Handle = { kind: 'email', hash: row.handle }
      const state = attemptState.parse(JSON.parse(sealing.open(`attempt ${attempt}`, row.state)))
      const shown = (await opaque()).finish(state.login, finishRequest)
      const user = await database.transaction(null, async (run) => {
        const found = await accounts.find(run, handle)
        await speakAs(run, found ?? randomUUID())
        const password = await accounts.password(run, found ?? attempt)
        // A password that was changed meanwhile opens nothing any more.
        return digest(password?.registration ?? '') === state.record ? found : undefined
      })
      return { handle, user: shown ? user : undefined }
    },
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
