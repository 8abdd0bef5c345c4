import type { Exchange, Expectation } from 'aval'
import { accountsCase, post, signInFailed, token } from './accounts-scene.ts'
import { beyond } from './limits.ts'

const promise = 'unknown-accounts'

/*
 * Messages of OPAQUE as a client makes them. They fit any server until the last one, which answers what one server said.
 */
const registrationRequest = 'iFFd4kERWeY_rBsTy-_jgaZioxP0CqP0XrUhE9aP7yc'
const record =
  'gN9WXMg_0-fsE6fnBXcI9nU9iQhRpAbataVTmddJ3w2fTOZ3gbpOMUy-C47_7JcsV4W-MDpRQJ_V8ZmdfwL7uJzsolTiyt4CAQYaznxQ-pq-F458etmXkOn84M7dnWVcNT4A4l7tHynNdvBw4YLZ9inuRi9IMHP6eYoCKcnzH72Cs_KEQAre0R5wi-V_RhhOLZRPIhYBemgncco4J-W4PzKHy1eWCvyMn6-IRpmzACqynNTbvDyWwb_GnJzbqXbs'
export const loginRequest =
  'yOvU6rwmM94ZShSCvoFaIZfO_kkaM_erKClI44qvllAlmwvmmuoqibzHPeStKgJOsRZbyr-yRLNblDbAyazaxioQfvpuYgcaVNOfzRQRPkx6B3Xr9LujslhrjJdMXcUJ'
const finishRequest = 'QnzePcdsRm2XUeUVk55WbzruVRSzxSlDWTAXjWxFseefKLin5NM0e5FLh4_fQ073glHBi7oDqrd02AUK7G103A'

const some32 = Buffer.alloc(32, 5).toString('base64')
const kdf = { memory_kib: 65_536, iterations: 3, parallelism: 4 }

/** Every beginning of a sign-in looks like this. */
const begun: Expectation = {
  status: 200,
  json: { attempt_id: 're:^[0-9a-f-]{36}$', login_response: 're:^[\\w-]{427}$', kdf },
  text: { has: ['re:^\\{"attempt_id":"[0-9a-f-]{36}","login_response":"[\\w-]{427}","kdf":\\{[^{}]*\\}\\}$'] },
}

const signUp = (email: string): Exchange[] => [
  post(
    '/auth/sign-up/start',
    { email, registration_request: registrationRequest },
    { status: 200, json: { registration_response: 're:^[\\w-]{86}$' } },
    { registration: '/registration_id' },
  ),
  post(
    '/auth/sign-up',
    {
      email,
      registration_id: '{{registration}}',
      registration_record: record,
      kdf,
      wrapped_master_key: some32,
      recovery: { proof: some32, wrapped_master_key: some32 },
    },
    { status: 200, text: { has: ['re:^\\{\\}$'] } },
  ),
]

const wrongSignIn = (email: string): Exchange[] => [
  post('/auth/sign-in/start', { email, login_request: loginRequest }, begun, { attempt: '/attempt_id' }),
  token(
    { grant_type: 'opaque', attempt_id: '{{attempt}}', finish_request: finishRequest, device_id: 'phone' },
    signInFailed,
  ),
]

const challenged: Expectation = {
  status: 403,
  json: { code: 'CHALLENGE_REQUIRED', challenge: { algorithm: 'sha-256', zero_bits: 16, token: 'any:string' } },
}

/** Five sign-ins that fail, and the challenge that comes then; from an address of its own, so that only the account is counted. */
export function exhausted(email: string): Exchange[] {
  const headers = { 'x-forwarded-for': beyond(email) }
  return [
    ...Array.from({ length: 5 }, () => wrongSignIn(email)).flat(),
    post('/auth/sign-in/start', { email, login_request: loginRequest }, challenged),
  ].map((each) => ({ ...each, request: { ...each.request, headers } }))
}

export const unknownAccounts = [
  accountsCase(promise, 'begin', 'A sign-in begins alike with and without an account', ({ email }) => [
    ...wrongSignIn(email('nobody')),
    ...signUp(email('ana')),
    ...wrongSignIn(email('ana')),
  ]),
  accountsCase(promise, 'taken', 'Signing up with an address that is taken is answered like any other', ({ email }) => [
    ...signUp(email('ana')),
    ...signUp(email('ana')),
  ]),
  accountsCase(
    promise,
    'challenge',
    'After five failures a challenge comes, with and without an account',
    ({ email }) => [...exhausted(email('nobody')), ...signUp(email('ana')), ...exhausted(email('ana'))],
  ),
]
