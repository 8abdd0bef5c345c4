import { client as opaque, ready } from '@serenity-kit/opaque'
import { z } from 'zod'
import { createMasterKey } from '../keys.ts'
import { refusal, SyncError } from '../request.ts'
import { type Clock, systemClock } from '../retry.ts'
import { type AccountApi, createAccountApi } from './account-api.ts'
import {
  recoverAnswer,
  registrationAnswer,
  type SecondFactorNeeded,
  secondFactorNeeded,
  startAnswer,
  type TokenAnswer,
  tokenAnswer,
} from './account-wire.ts'
import { checkedKdf, keyStretching, usualKdf } from './kdf.ts'
import { recoveryProof, unwrapMasterKey, wrapMasterKey } from './master-key.ts'
import { normalPassword, passwordFaults, WeakPassword } from './password-rules.ts'
import { newRecoverySecret, readRecoveryCode, writeRecoveryCode } from './recovery-code.ts'

export interface AccountsOptions {
  /** Base address of the accounts service; a function when it may move. */
  address: string | (() => string)
  fetch?: typeof fetch
  clock?: Clock
  /** Uniform in [0, 1), for the jitter of retries only. */
  random?: () => number
}

export interface SignedUp {
  /** To be written down by the person: shown this once, and the only way back when the password is forgotten. */
  recoveryCode: string
}

export interface SignedIn {
  outcome: 'signed-in'
  tokens: TokenAnswer
  masterKey: Uint8Array
}

/** The password was right; a code of the second factor is still to come, or one must be set up first. */
export interface HalfSignedIn {
  outcome: 'second-factor'
  needed: SecondFactorNeeded
  /** @throws SyncError SIGN_IN_FAILED for a wrong code; without a code after one was set up */
  goOn(method?: 'totp' | 'sms' | 'recovery_code', code?: string): Promise<SignedIn>
}

export interface PasswordChange {
  email: string
  present: string
  next: string
  /** As the sign-in gave it; it is wrapped anew and stays what it is. */
  masterKey: Uint8Array
  /** An access token. */
  token: string
}

export interface Accounts {
  /**
   * Makes an account, unless the address has one: the server answers alike, and only signing in tells.
   * @throws WeakPassword before anything is sent
   */
  signUp(email: string, password: string): Promise<SignedUp>
  /**
   * @param replaces the session this device has already, when its person signs in again: then no other device is signed out
   * @throws SyncError SIGN_IN_FAILED, KdfRefused, MasterKeyUnreadable
   */
  signIn(email: string, password: string, device: string, replaces?: string): Promise<SignedIn | HalfSignedIn>
  /**
   * Another password for the same data; sessions on other devices end.
   * @throws WeakPassword, SyncError SIGN_IN_FAILED when the present password is wrong
   */
  changePassword(change: PasswordChange): Promise<void>
  /**
   * Another password by the recovery code; all sessions end, and the recovery code is replaced.
   * @throws WeakPassword, RangeError when the code was mistyped, SyncError SIGN_IN_FAILED when it is not the account's
   */
  recover(email: string, code: string, next: string): Promise<SignedUp & { masterKey: Uint8Array }>
}

const empty = z.object({})
const changeAnswer = startAnswer.extend(registrationAnswer.shape)

/**
 * Signs people up and in. Passwords, master keys and recovery codes never leave this function in clear.
 *
 * @example
 * const accounts = createAccounts({ address: 'https://auth.medtime.app' })
 * const { recoveryCode } = await accounts.signUp('ana@example.test', password)
 * const { tokens, masterKey } = await accounts.signIn('ana@example.test', password, 'phone')
 */
export function createAccounts(options: AccountsOptions): Accounts {
  const api = createAccountApi({
    address: options.address,
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  })
  return {
    signUp: async (email, password) => {
      const masterKey = createMasterKey()
      const secret = newRecoverySecret()
      const registered = await register(api, email, password)
      await api.send(
        '/auth/sign-up',
        { email, ...wrapped(registered, masterKey, email), recovery: recoveryOf(masterKey, secret, email) },
        empty,
      )
      return { recoveryCode: writeRecoveryCode(secret) }
    },
    signIn: async (email, password, device, replaces) => {
      const shown = await showPassword(api, { path: '/auth/sign-in/start', body: { email } }, password, startAnswer)
      const signedIn = (tokens: TokenAnswer): SignedIn => ({
        outcome: 'signed-in',
        tokens,
        masterKey: unwrapMasterKey(
          tokens.wrapped_master_key ?? '',
          { by: 'password', exportKey: shown.exportKey },
          email,
        ),
      })
      const { status, body } = await api.ask('/auth/token', {
        grant_type: 'opaque',
        attempt_id: shown.attempt,
        finish_request: shown.finishRequest,
        device_id: device,
        replaces,
      })
      const needed = secondFactorNeeded.safeParse(body)
      if (status === 403 && needed.success) {
        const { ticket } = needed.data
        return {
          outcome: 'second-factor',
          needed: needed.data,
          goOn: async (method, code) =>
            signedIn(
              await api.send('/auth/token', { grant_type: 'second_factor', ticket, method, code, replaces }, tokenAnswer),
            ),
        }
      }
      if (status !== 200) throw refusal(status, body)
      return signedIn(tokenAnswer.parse(body))
    },
    changePassword: async ({ email, present, next, masterKey, token }) => {
      const registration = await begin(next)
      const { attempt, finishRequest, answer } = await showPassword(
        api,
        { path: '/auth/password/start', body: { registration_request: registration.request }, token },
        present,
        changeAnswer,
      )
      const registered = registration.finish(answer)
      await api.send(
        '/auth/password',
        { attempt_id: attempt, finish_request: finishRequest, ...wrapped(registered, masterKey, email) },
        empty,
        token,
      )
    },
    recover: async (email, code, next) => {
      const secret = readRecoveryCode(code)
      if (secret === undefined) throw new RangeError('the recovery code was mistyped')
      const proof = recoveryProof(secret, email)
      refuseWeak(next)
      const kept = await api.sendSolving('/auth/recovery', { email, proof }, recoverAnswer)
      const masterKey = unwrapMasterKey(kept.wrapped_master_key, { by: 'recovery-code', secret }, email)
      const nextSecret = newRecoverySecret()
      const registered = await register(api, email, next)
      const recovery = recoveryOf(masterKey, nextSecret, email)
      await api.send(
        '/auth/recovery/password',
        { email, proof, ...wrapped(registered, masterKey, email), recovery },
        empty,
      )
      return { masterKey, recoveryCode: writeRecoveryCode(nextSecret) }
    },
  }
}

interface Registered {
  id: string
  record: string
  exportKey: string
}

/** The first message of a registration, and what follows from its answer. @throws WeakPassword */
async function begin(password: string) {
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

async function register(api: AccountApi, email: string, password: string): Promise<Registered> {
  const { request, finish } = await begin(password)
  return finish(await api.send('/auth/sign-up/start', { email, registration_request: request }, registrationAnswer))
}

/** Everything the server keeps of a password. */
function wrapped({ id, record, exportKey }: Registered, masterKey: Uint8Array, email: string) {
  return {
    registration_id: id,
    registration_record: record,
    kdf: usualKdf,
    wrapped_master_key: wrapMasterKey(masterKey, { by: 'password', exportKey }, email),
  }
}

function recoveryOf(masterKey: Uint8Array, secret: Uint8Array, email: string) {
  return {
    proof: recoveryProof(secret, email),
    wrapped_master_key: wrapMasterKey(masterKey, { by: 'recovery-code', secret }, email),
  }
}

/** Both sides of a sign-in up to the message that shows the password. @throws SyncError SIGN_IN_FAILED, KdfRefused */
async function showPassword<T extends z.output<typeof startAnswer>>(
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

function refuseWeak(password: string): void {
  const faults = passwordFaults(password)
  if (faults.length > 0) throw new WeakPassword(faults)
}
