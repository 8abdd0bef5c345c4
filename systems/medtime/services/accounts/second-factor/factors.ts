import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { Run } from '../../api/database.ts'
import type { Account } from '../account/accounts.ts'
import type { Sealing } from '../sealing/seal.ts'
import { newTotpSecret, totpStep, totpUri } from './totp.ts'

export type Method = 'totp' | 'sms' | 'recovery_code'

/** Seconds a code sent by SMS is good for: TECH-INF-001 §2.4. */
const smsCodeMs = 5 * 60_000
/** A code of six digits may be guessed at this often. */
const smsTries = 5
const recoveryCodes = 10

/** The second factors of a user, in transactions that speak as that user. */
export interface Factors {
  /** What is set up and can be asked for. */
  methods(run: Run, user: string): Promise<Method[]>
  /** A new secret for an authenticator, not asked for before it was confirmed. Undefined when one is confirmed already. */
  offerTotp(run: Run, account: Account): Promise<{ secret: string; uri: string } | undefined>
  /** The first code of a new secret. @returns recovery codes, shown this once; undefined for a wrong code */
  confirmTotp(run: Run, user: string, code: string): Promise<string[] | undefined>
  /** Where codes are sent to, and the first of them. Undefined when a number is confirmed already. */
  offerSms(run: Run, user: string, number: string): Promise<string | undefined>
  /** A new code and the number it goes to; undefined without a confirmed number. */
  newSmsCode(run: Run, user: string): Promise<{ number: string; code: string } | undefined>
  /** Whether a code is right; it is used up then. */
  take(run: Run, user: string, method: Method, code: string): Promise<boolean>
}

interface SmsRow {
  sealed_number: Buffer
  confirmed_at: Date | null
  code_hash: Buffer | null
  code_until: Date | null
  code_tries: number
}

/** What a secret and a number are sealed for. */
export const totpPurpose = (user: string) => `totp ${user}`
export const numberPurpose = (user: string) => `number ${user}`

export interface FactorsOptions {
  sealing: Sealing
  /** Milliseconds since the epoch. */
  now: () => number
}

export function createFactors({ sealing, now }: FactorsOptions): Factors {
  const hashOf = (user: string, kind: string, code: string) => sealing.mac(`${kind} ${user}`, code)
  const totpOf = async (run: Run, user: string) => {
    const rows = await run<{ sealed_secret: Buffer; confirmed_at: Date | null; last_step: string }>(
      'read totp',
      'SELECT sealed_secret, confirmed_at, last_step FROM public.srv_totp_secrets WHERE user_id = $1 FOR UPDATE',
      [user],
    )
    return rows[0]
  }
  const smsOf = async (run: Run, user: string) => {
    const rows = await run<SmsRow>(
      'read sms',
      `SELECT sealed_number, confirmed_at, code_hash, code_until, code_tries FROM public.srv_sms_factors
       WHERE user_id = $1 FOR UPDATE`,
      [user],
    )
    return rows[0]
  }
  const makeSmsCode = async (run: Run, user: string): Promise<string> => {
    const code = String(randomInt(1_000_000)).padStart(6, '0')
    await run(
      'keep sms code',
      'UPDATE public.srv_sms_factors SET code_hash = $2, code_until = $3, code_tries = 0 WHERE user_id = $1',
      [user, hashOf(user, 'sms', code), new Date(now() + smsCodeMs)],
    )
    return code
  }
  /** @param confirm takes the secret into use as well */
  const takeTotp = async (run: Run, user: string, code: string, confirm: boolean): Promise<boolean> => {
    const totp = await totpOf(run, user)
    if (totp === undefined || (totp.confirmed_at === null) !== confirm) return false
    const secret = sealing.open(totpPurpose(user), totp.sealed_secret)
    const step = totpStep(secret, code, Number(totp.last_step), now())
    if (step === undefined) return false
    await run(
      'use totp',
      `UPDATE public.srv_totp_secrets SET last_step = $2, confirmed_at = coalesce(confirmed_at, $3) WHERE user_id = $1`,
      [user, step, new Date(now())],
    )
    return true
  }
  const takeSms = async (run: Run, user: string, code: string): Promise<boolean> => {
    const sms = await smsOf(run, user)
    if (sms?.code_hash == null || sms.code_until == null || sms.code_until.getTime() <= now()) return false
    const right = sms.code_tries < smsTries && timingSafeEqual(sms.code_hash, hashOf(user, 'sms', code))
    await run(
      'use sms code',
      `UPDATE public.srv_sms_factors SET code_tries = code_tries + 1,
         code_hash = CASE WHEN $2 THEN NULL ELSE code_hash END,
         confirmed_at = CASE WHEN $2 THEN coalesce(confirmed_at, $3) ELSE confirmed_at END
       WHERE user_id = $1`,
      [user, right, new Date(now())],
    )
    return right
  }

  return {
    methods: async (run, user) => {
      const totp = await totpOf(run, user)
      const sms = await smsOf(run, user)
      const codes = await run('recovery codes', 'SELECT 1 FROM public.srv_recovery_codes WHERE user_id = $1 LIMIT 1', [
        user,
      ])
      const confirmed: Method[] = []
      if (totp?.confirmed_at != null) confirmed.push('totp')
      if (sms?.confirmed_at != null) confirmed.push('sms')
      return confirmed.length > 0 && codes.length > 0 ? [...confirmed, 'recovery_code'] : confirmed
    },
    offerTotp: async (run, { user, email }) => {
      const present = await totpOf(run, user)
      if (present?.confirmed_at != null) return undefined
      const secret = newTotpSecret()
      await run(
        'offer totp',
        `INSERT INTO public.srv_totp_secrets AS t (user_id, sealed_secret, made_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET sealed_secret = $2, made_at = $3, last_step = 0`,
        [user, sealing.seal(totpPurpose(user), secret), new Date(now())],
      )
      return { secret, uri: totpUri(secret, email) }
    },
    confirmTotp: async (run, user, code) => {
      if (!(await takeTotp(run, user, code, true))) return undefined
      await run('drop recovery codes', 'DELETE FROM public.srv_recovery_codes WHERE user_id = $1', [user])
      const codes = Array.from({ length: recoveryCodes }, newRecoveryCode)
      for (const each of codes) {
        await run('keep recovery code', 'INSERT INTO public.srv_recovery_codes (user_id, code_hash) VALUES ($1, $2)', [
          user,
          recoveryHash(each),
        ])
      }
      return codes
    },
    offerSms: async (run, user, number) => {
      const present = await smsOf(run, user)
      if (present?.confirmed_at != null) return undefined
      await run(
        'offer sms',
        `INSERT INTO public.srv_sms_factors AS s (user_id, sealed_number) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET sealed_number = $2`,
        [user, sealing.seal(numberPurpose(user), number)],
      )
      return makeSmsCode(run, user)
    },
    newSmsCode: async (run, user) => {
      const sms = await smsOf(run, user)
      if (sms?.confirmed_at == null) return undefined
      const number = sealing.open(numberPurpose(user), sms.sealed_number)
      return { number, code: await makeSmsCode(run, user) }
    },
    take: async (run, user, method, code) => {
      if (method === 'totp') return takeTotp(run, user, code, false)
      if (method === 'sms') return takeSms(run, user, code)
      const used = await run(
        'use recovery code',
        'DELETE FROM public.srv_recovery_codes WHERE user_id = $1 AND code_hash = $2 RETURNING code_hash',
        [user, recoveryHash(code)],
      )
      return used.length > 0
    },
  }
}

/** 80 random bits, as sixteen hexadecimal digits and four in groups: too many to guess, so that a plain hash keeps them. */
function newRecoveryCode(): string {
  return randomBytes(10)
    .toString('hex')
    .replace(/(.{5})(?=.)/g, '$1-')
}

function recoveryHash(code: string): Buffer {
  return createHash('sha256')
    .update(code.toLowerCase().replace(/[^0-9a-f]/g, ''))
    .digest()
}
