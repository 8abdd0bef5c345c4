import { client as opaque, ready } from '@serenity-kit/opaque'
import type { z } from 'zod'
import { SyncError } from '../request.ts'
import type { AccountApi } from './account-api.ts'
import { registrationAnswer, type startAnswer } from './account-wire.ts'
import { checkedKdf, keyStretching, usualKdf } from './kdf.ts'
import { recoveryProof, wrapMasterKey } from './master-key.ts'
import { normalPassword, passwordFaults, WeakPassword } from './password-rules.ts'

/** A password as OPAQUE registered it. */
export interface Registered {
  id: string
  record: string
  exportKey: string
}

/** The first message of a registration, and what follows from its answer. @throws WeakPassword */
export async function begin(password: string) {
  refuseWeak(password)
  await ready
  const plain = normalPassword(password)
  const { clientRegistrationState, registrationRequest } = opaque.startRegistration({ password: plain })
  return {
    request: registrationRequest,
    finish: (answer: z.output<typeof registrationAnswer>): Registered => {
      const { registrationRecord, exportKey } = opaque.finishRegistration({
        password: plain,
        clientRegistrationState,
        registrationResponse: answer.registration_response,
        keyStretching: keyStretching(usualKdf),
      })
      return { id: answer.registration_id, record: registrationRecord, exportKey }
    },
  }
}

/** Both messages of a registration. @throws WeakPassword */
export async function register(api: AccountApi, email: string, password: string): Promise<Registered> {
  const { request, finish } = await begin(password)
  return finish(await api.send('/auth/sign-up/start', { email, registration_request: request }, registrationAnswer))
}

/** Everything the server keeps of a password. */
export function wrapped({ id, record, exportKey }: Registered, masterKey: Uint8Array, email: string) {
  return {
    registration_id: id,
    registration_record: record,
    kdf: usualKdf,
    wrapped_master_key: wrapMasterKey(masterKey, { by: 'password', exportKey }, email),
  }
}

/** Everything the server keeps of a recovery code. */
export function recoveryOf(masterKey: Uint8Array, secret: Uint8Array, email: string) {
  return {
    proof: recoveryProof(secret, email),
    wrapped_master_key: wrapMasterKey(masterKey, { by: 'recovery-code', secret }, email),
  }
}

/** Both sides of a sign-in up to the message that shows the password. @throws SyncError SIGN_IN_FAILED, KdfRefused */
export async function showPassword<T extends z.output<typeof startAnswer>>(
  api: AccountApi,
  to: { path: string; body: Record<string, unknown>; token?: string },
  password: string,
  answerSchema: z.ZodType<T>,
) {
  await ready
  const plain = normalPassword(password)
  const { clientLoginState, startLoginRequest } = opaque.startLogin({ password: plain })
  const body = { ...to.body, login_request: startLoginRequest }
  const answer = await api.sendSolving(to.path, body, answerSchema, to.token)
  const finished = opaque.finishLogin({
    password: plain,
    clientLoginState,
    loginResponse: answer.login_response,
    keyStretching: keyStretching(checkedKdf(answer.kdf)),
  })
  // The client sees by itself that the password is wrong, or that the server never had it registered.
  if (finished === undefined) throw new SyncError(401, 'SIGN_IN_FAILED')
  const { exportKey, finishLoginRequest } = finished
  return { answer, attempt: answer.attempt_id, exportKey, finishRequest: finishLoginRequest }
}

/** @throws WeakPassword */
export function refuseWeak(password: string): void {
  const faults = passwordFaults(password)
  if (faults.length > 0) throw new WeakPassword(faults)
}
