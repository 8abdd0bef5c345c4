import { client, ready } from '@serenity-kit/opaque'
import { z } from 'zod'

/*
 * Sign-ups and sign-ins whose passwords are hardly stretched, which no client of ours would do: the server cannot tell, and a test
 * that is about something else need not wait for it.
 */

export interface Answer {
  status: number
  body: Record<string, unknown>
}

const kdf = { memory_kib: 8, iterations: 1, parallelism: 1 }
export const keyStretching = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } }
const some32 = Buffer.alloc(32, 5).toString('base64')

export async function post(address: string, path: string, body: unknown, token?: string): Promise<Answer> {
  const response = await fetch(address + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) }
}

export async function signUp(address: string, email: string, password: string): Promise<Answer> {
  await ready
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
  const start = await post(address, '/auth/sign-up/start', { email, registration_request: registrationRequest })
  const { registrationRecord } = client.finishRegistration({
    password,
    clientRegistrationState,
    registrationResponse: String(start.body['registration_response']),
    keyStretching,
  })
  return post(address, '/auth/sign-up', {
    email,
    registration_id: start.body['registration_id'],
    registration_record: registrationRecord,
    kdf,
    wrapped_master_key: Buffer.from(`key of ${email}`).toString('base64'),
    recovery: { proof: some32, wrapped_master_key: some32 },
  })
}

/** Status 0 when the client sees by itself that the password is wrong. */
export async function signIn(address: string, email: string, password: string, device = 'phone'): Promise<Answer> {
  await ready
  const { clientLoginState, startLoginRequest } = client.startLogin({ password })
  const start = await post(address, '/auth/sign-in/start', { email, login_request: startLoginRequest })
  if (start.status !== 200) return start
  const finished = client.finishLogin({
    password,
    clientLoginState,
    loginResponse: String(start.body['login_response']),
    keyStretching,
  })
  if (finished === undefined) return { status: 0, body: {} }
  const finish = { grant_type: 'opaque', attempt_id: start.body['attempt_id'], device_id: device }
  return post(address, '/auth/token', { ...finish, finish_request: finished.finishLoginRequest })
}
