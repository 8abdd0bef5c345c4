import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto'
import { ApiError } from '../http/api-error.ts'
import type { Enqueue } from './enqueue.ts'
import { kinds, numericCode } from './message.ts'
import { phoneNumber } from './phone-number.ts'
import { phonePlace } from './sealed-content.ts'
import type { MessagesStore } from './store.ts'
import type { Vault } from './vault.ts'
import type { PhoneRequest } from './wire.ts'

export interface PhoneParts {
  store: MessagesStore
  vault: Vault | undefined
  enqueue: Enqueue
  /** Milliseconds since the epoch. */
  now: () => number
}

const codeOf = (vault: Vault, user: string, code: string) => vault.hash(`code ${user} ${code}`)

/**
 * Sends a code to a number, so that nobody can let messages go to a stranger's phone.
 * @returns until when the code is valid, or when the next one may be asked for
 * @throws ApiError UNAVAILABLE without a key
 */
export async function askForCode(
  user: string,
  { number, language }: PhoneRequest,
  { store, vault, enqueue, now }: PhoneParts,
): Promise<{ expires: Date } | { notBefore: Date }> {
  if (vault === undefined) throw new ApiError('UNAVAILABLE')
  const phone = phoneNumber.parse(number)
  const code = numericCode.parse(String(randomInt(1_000_000)).padStart(6, '0'))
  const at = now()
  const expires = new Date(at + kinds.mfa_code.lifetimeMs)
  const check = {
    sealed: vault.seal(phone, phonePlace(user)),
    hash: vault.hash(phone),
    language,
    code: codeOf(vault, user, code),
    now: new Date(at),
    expires,
  }
  const event = `phone:${randomUUID()}`
  const notBefore = await store.ask(user, check, async (run) => {
    await enqueue(run, { type: 'mfa_code', event, to: { user, phone, language }, fields: { code } })
  })
  return notBefore === undefined ? { expires } : { notBefore }
}

/** Confirms the number a code was sent to. @throws ApiError CODE_REFUSED, UNAVAILABLE */
export async function confirmPhone(user: string, code: string, { store, vault, now }: PhoneParts): Promise<Date> {
  if (vault === undefined) throw new ApiError('UNAVAILABLE')
  const at = new Date(now())
  // The try is used up before anything is compared, so that tries at the same moment are counted as well.
  const tried = await store.try(user, at)
  if (tried === undefined || !timingSafeEqual(tried.code, codeOf(vault, user, code))) throw new ApiError('CODE_REFUSED')
  await store.confirm(user, tried.number, at)
  return at
}
