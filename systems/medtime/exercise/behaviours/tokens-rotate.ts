import { accountsCase, refresh, sessionEnded, token, withAccess } from './accounts-scene.ts'
import { refused, unauthenticated } from './answers.ts'

const promise = 'tokens-rotate'
const next = { status: 200, json: { refresh_token: 'not:{{phone_refresh}}', expires_in: 3_600 } }

export const tokensRotate = [
  accountsCase(promise, 'access', 'The access token is let in by the API, and by accounts', ({ signIn }) => [
    ...signIn('ana', 'phone'),
    withAccess('api', 'GET', '/sync/status', 'phone_access', { status: 200 }),
    withAccess('accounts', 'GET', '/auth/sessions', 'phone_access', { status: 200 }),
  ]),
  accountsCase(promise, 'chain', 'Each refresh token gives the next', ({ signIn }) => [
    ...signIn('ana', 'phone'),
    refresh('phone_refresh', next, { second: '/refresh_token' }),
    refresh('second', { status: 200, json: { refresh_token: 'not:{{second}}' } }, { third: '/refresh_token' }),
    refresh('third', { status: 200, json: { session_id: '{{phone_session}}' } }),
  ]),
  accountsCase(promise, 'reuse', 'An old refresh token ends its session, and no other', ({ signIn }) => [
    ...signIn('ana', 'tablet'),
    ...signIn('ana', 'phone'),
    refresh('phone_refresh', next, { second: '/refresh_token' }),
    refresh('phone_refresh', sessionEnded),
    withAccess('accounts', 'GET', '/auth/sessions', 'phone_access', unauthenticated),
    refresh('tablet_refresh', { status: 200 }),
    refresh('second', sessionEnded),
  ]),
  accountsCase(
    promise,
    'retried',
    'The same request again is answered again, as long as its answer is unused',
    ({ signIn }) => {
      const retried = {
        grant_type: 'refresh_token',
        refresh_token: '{{phone_refresh}}',
        retry_key: '5a0c7d6e-54b1-4c4b-9c53-2b1f0a6f3c11',
      }
      return [
        ...signIn('ana', 'phone'),
        token(retried, next, { second: '/refresh_token' }),
        token(retried, { status: 200, json: { refresh_token: '{{second}}' } }),
        refresh('second', { status: 200 }),
        token(retried, sessionEnded),
      ]
    },
  ),
  accountsCase(promise, 'forged', 'A token that was never given is refused, and ends nothing', ({ signIn }) => [
    ...signIn('ana', 'phone'),
    token({ grant_type: 'refresh_token', refresh_token: 'AQ' }, sessionEnded),
    token({ grant_type: 'refresh_token', refresh_token: '{{phone_access}}' }, refused(400, 'BAD_REQUEST')),
    refresh('phone_refresh', next),
  ]),
]
