import { client as opaque, ready } from '@serenity-kit/opaque'
import { z } from 'zod'
import type { AccountNews } from '../commitment/account-news.ts'
import { createMasterKey } from '../keys.ts'
import { refusal, SyncError } from '../request.ts'
import { type Clock, systemClock, TransientError } from '../retry.ts'
import { type ClientOptions, createSyncClient, type SyncClient } from '../sync-client.ts'
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
import { passwordDigests, recoveryDigest } from './facts.ts'
import { checkedKdf, keyStretching, usualKdf } from './kdf.ts'
import { knownAs, recoveryProof, unwrapMasterKey, wrapMasterKey } from './master-key.ts'
import { normalPassword, passwordFaults, WeakPassword } from './password-rules.ts'
import { newRecoverySecret, readRecoverySheet, writeRecoveryCode } from './recovery-code.ts'

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
  /**
   * The person's data on this device. The first sync compares what the server showed of the account with what the person's other
   * devices stand for. An app that is started anew goes on with `createSyncClient`, the kept master key and the same store.
   */
  open(options: Omit<ClientOptions, 'user' | 'device' | 'masterKeys' | 'account'>): SyncClient
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
  /** Of this device: the person's other devices hear through it that the change is the person's own. */
  client: Pick<SyncClient, 'pin' | 'sync'>
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
   * Another password for the same data; sessions on other devices end. Announced to them before, and settled after.
   * @throws WeakPassword, SyncError SIGN_IN_FAILED when the present password is wrong; TransientError offline
   */
  changePassword(change: PasswordChange): Promise<void>
  /**
   * Another password by the recovery code, typed, or scanned with the mark beside it; all sessions end, and the code is replaced.
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
 * const signedIn = await accounts.signIn('ana@example.test', password, 'phone')
 * if (signedIn.outcome === 'signed-in') await signedIn.open({ address: 'https://api.medtime.app', token }).sync()
 */
export function createAccounts(options: AccountsOptions): Accounts {
  const api = createAccountApi({
    address: options.address,
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  })
  /** By address, what this device made and no sign-in has met yet. */
  const madeHere = new Map<string, Omit<AccountNews, 'shown'>>()
  return {
    signUp: async (email, password) => {
      const masterKey = createMasterKey()
      const secret = newRecoverySecret()
      const kept = wrapped(await register(api, email, password), masterKey, email)
      const recovery = recoveryOf(masterKey, secret, email)
      await api.send('/auth/sign-up', { email, ...kept, recovery }, empty)
      const made = { ...passwordDigests(kept), recovery: recoveryDigest(recovery) }
      madeHere.set(knownAs(email), { made, createdHere: true })
      return { recoveryCode: writeRecoveryCode(secret) }
    },
    signIn: async (email, password, device, replaces) => {
      const shown = await showPassword(api, { path: '/auth/sign-in/start', body: { email } }, password, startAnswer)
      const signedIn = async (tokens: TokenAnswer): Promise<SignedIn> => {
        const wrapped_master_key = tokens.wrapped_master_key ?? ''
        const masterKey = unwrapMasterKey(wrapped_master_key, { by: 'password', exportKey: shown.exportKey }, email)
        const digests = passwordDigests({ wrapped_master_key, kdf: shown.answer.kdf })
        const recovery = await shownRecovery(api, tokens.access_token)
        const { made, createdHere, handed } = madeHere.get(knownAs(email)) ?? {}
        // Once: other devices may change it later.
        madeHere.delete(knownAs(email))
        const account: AccountNews = {
          shown: { ...digests, ...(recovery === undefined ? {} : { recovery }) },
          ...(made === undefined ? {} : { made }),
          ...(handed === undefined ? {} : { handed }),
          createdHere: createdHere === true && made?.keys === digests.keys,
        }
        return {
          outcome: 'signed-in',
          tokens,
          masterKey,
          open: (rest) => createSyncClient({ ...rest, user: tokens.user_id, device, masterKeys: [masterKey], account }),
        }
      }
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
              await api.send(
                '/auth/token',
                { grant_type: 'second_factor', ticket, method, code, replaces },
                tokenAnswer,
              ),
            ),
        }
      }
      if (status !== 200) throw refusal(status, body)
      return signedIn(tokenAnswer.parse(body))
    },
    changePassword: async ({ email, present, next, masterKey, token, client }) => {
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
      const digests = passwordDigests(kept)
      const pin = async (how: 'announced' | 'settled') => {
        await client.pin('keys', digests.keys, how)
        await client.pin('kdf', digests.kdf, how)
      }
      await pin('announced')
      await client.sync()
      await api.send('/auth/password', { attempt_id: attempt, finish_request: finishRequest, ...kept }, empty, token)
      await pin('settled')
      // The password is changed; what is not told now goes with the next sync.
      await client.sync().catch((thrown: unknown) => {
        if (!(thrown instanceof TransientError)) throw thrown
      })
    },
    recover: async (email, code, next) => {
      const sheet = readRecoverySheet(code)
      if (sheet === undefined) throw new RangeError('the recovery code was mistyped')
      const { secret, mark } = sheet
      const proof = recoveryProof(secret, email)
      refuseWeak(next)
      const kept = await api.sendSolving('/auth/recovery', { email, proof }, recoverAnswer)
      const masterKey = unwrapMasterKey(kept.wrapped_master_key, { by: 'recovery-code', secret }, email)
      const nextSecret = newRecoverySecret()
      const replaced = wrapped(await register(api, email, next), masterKey, email)
      const recovery = recoveryOf(masterKey, nextSecret, email)
      await api.send('/auth/recovery/password', { email, proof, ...replaced, recovery }, empty)
      const made = { ...passwordDigests(replaced), recovery: recoveryDigest(recovery) }
      madeHere.set(knownAs(email), { made, ...(mark === undefined ? {} : { handed: mark }) })
      return { masterKey, recoveryCode: writeRecoveryCode(nextSecret) }
    },
  }
}

/** The digest of what the server says the recovery code opens; undefined when it cannot be learned now. */
async function shownRecovery(api: AccountApi, token: string): Promise<string | undefined> {
  try {
    return recoveryDigest(await api.read('/auth/recovery', recoverAnswer, token))
  } catch (thrown) {
    if (thrown instanceof TransientError) return undefined
    throw thrown
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
