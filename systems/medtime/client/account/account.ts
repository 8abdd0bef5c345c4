import { z } from 'zod'
import type { AccountNews } from '../commitment/account-news.ts'
import { createMasterKey } from '../keys.ts'
import { type Address, refusal } from '../request.ts'
import { type Clock, systemClock, TransientError } from '../retry.ts'
import { type ClientOptions, createSyncClient, type SyncClient } from '../sync-client.ts'
import { type AccountApi, createAccountApi } from './account-api.ts'
import {
  recoverAnswer,
  type SecondFactorNeeded,
  secondFactorNeeded,
  startAnswer,
  type TokenAnswer,
  tokenAnswer,
} from './account-wire.ts'
import { passwordDigests, recoveryDigest } from './facts.ts'
import { knownAs, recoveryProof, unwrapMasterKey } from './master-key.ts'
import { recoveryOf, refuseWeak, register, showPassword, wrapped } from './password.ts'
import { newRecoverySecret, readRecoverySheet, writeRecoveryCode } from './recovery-code.ts'
import { type AccountChange, type PasswordChange, replaceOpeners } from './replace-openers.ts'

export interface AccountsOptions {
  /** Of the accounts service. */
  address: Address
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
   * Another recovery code, where the old one was lost or what it opens was exchanged; sessions on other devices end.
   * @throws SyncError SIGN_IN_FAILED when the password is wrong; TransientError offline
   */
  renewRecoveryCode(change: AccountChange): Promise<SignedUp>
  /**
   * Another password by the recovery code, typed, or scanned with the mark beside it; all sessions end, and the code is replaced.
   * @throws WeakPassword, RangeError when the code was mistyped, SyncError SIGN_IN_FAILED when it is not the account's
   */
  recover(email: string, code: string, next: string): Promise<SignedUp & { masterKey: Uint8Array }>
}

const empty = z.object({})

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
    changePassword: (change) => replaceOpeners(api, change),
    renewRecoveryCode: async (change) => {
      const secret = newRecoverySecret()
      await replaceOpeners(api, { ...change, next: change.present }, secret)
      return { recoveryCode: writeRecoveryCode(secret) }
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
