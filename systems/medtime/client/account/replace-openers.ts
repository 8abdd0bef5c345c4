import { z } from 'zod'
import type { PinnedFact } from '../commitment/pinned.ts'
import { TransientError } from '../retry.ts'
import type { SyncClient } from '../sync-client.ts'
import type { AccountApi } from './account-api.ts'
import { registrationAnswer, startAnswer } from './account-wire.ts'
import { passwordDigests, recoveryDigest } from './facts.ts'
import { begin, recoveryOf, showPassword, wrapped } from './password.ts'

/** Somebody who is signed in and shows the password again. */
export interface AccountChange {
  email: string
  present: string
  /** As the sign-in gave it; it is wrapped anew and stays what it is. */
  masterKey: Uint8Array
  /** An access token. */
  token: string
  /** Of this device: the person's other devices hear through it that the change is the person's own. */
  client: Pick<SyncClient, 'pin' | 'sync'>
}

export interface PasswordChange extends AccountChange {
  next: string
}

const changeAnswer = startAnswer.extend(registrationAnswer.shape)

/**
 * Replaces what opens the master key: the password, and the recovery code when there is a secret for another. What comes is announced to
 * the person's devices before the server is asked, and settled after, so that none of them takes it for a lie at any moment.
 */
export async function replaceOpeners(
  api: AccountApi,
  { email, present, next, masterKey, token, client }: PasswordChange,
  secret?: Uint8Array,
): Promise<void> {
  const registration = await begin(next)
  // What the others did meanwhile is known before anything is announced.
  await client.sync()
  const { attempt, finishRequest, answer } = await showPassword(
    api,
    { path: '/auth/password/start', body: { registration_request: registration.request }, token },
    present,
    changeAnswer,
  )
  const kept = wrapped(registration.finish(answer), masterKey, email)
  const recovery = secret === undefined ? undefined : recoveryOf(masterKey, secret, email)
  const { keys, kdf } = passwordDigests(kept)
  const pins: [PinnedFact, string][] = [
    ['keys', keys],
    ['kdf', kdf],
  ]
  if (recovery !== undefined) pins.push(['recovery', recoveryDigest(recovery)])
  for (const [fact, digest] of pins) await client.pin(fact, digest, 'announced')
  await client.sync()
  await api.send(
    '/auth/password',
    { attempt_id: attempt, finish_request: finishRequest, ...kept, ...(recovery === undefined ? {} : { recovery }) },
    z.object({}),
    token,
  )
  for (const [fact, digest] of pins) await client.pin(fact, digest, 'settled')
  // It is changed; what is not told now goes with the next sync.
  await client.sync().catch((thrown: unknown) => {
    if (!(thrown instanceof TransientError)) throw thrown
  })
}
