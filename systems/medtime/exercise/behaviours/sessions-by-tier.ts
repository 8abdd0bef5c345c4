import { accountsCase, refresh, sessionEnded, type Tier, withAccess } from './accounts-scene.ts'
import { refused, unauthenticated } from './answers.ts'

const promise = 'sessions-by-tier'

/** One sign-in more than the tier allows ends the oldest. */
export const full = (of: string, tier: Tier, allowed: number) =>
  accountsCase(of, tier, `${tier}: ${allowed} sessions, and one more ends the oldest`, ({ signIn }) => {
    const devices = Array.from({ length: allowed }, (_, index) => `device${index}`)
    const oldest = { session_id: '{{device0_session}}', device_id: 'device0' }
    return [
      ...devices.flatMap((device) => signIn('ana', device, { tier })),
      ...signIn('ana', 'last', { tier, expect: { status: 200, json: { tier, ended_sessions: [oldest] } } }),
      refresh('device0_refresh', sessionEnded),
      withAccess('accounts', 'GET', '/auth/sessions', 'device0_access', unauthenticated),
      refresh('device1_refresh', { status: 200 }),
      refresh('last_refresh', { status: 200 }),
    ]
  })

export const sessionsByTier = [
  full(promise, 'free', 2),
  full(promise, 'pro', 5),
  full(promise, 'perfect', 10),
  accountsCase(promise, 'listed', 'A person sees the sessions, and ends any of them', ({ signIn }) => [
    ...signIn('ana', 'phone'),
    ...signIn('ana', 'tablet'),
    withAccess('accounts', 'GET', '/auth/sessions', 'phone_access', {
      status: 200,
      json: {
        sessions: [
          { session_id: '{{phone_session}}', device_id: 'phone', current: true },
          { session_id: '{{tablet_session}}', device_id: 'tablet', current: false },
        ],
      },
    }),
    withAccess('accounts', 'DELETE', '/auth/sessions/{{tablet_session}}', 'phone_access', { status: 200 }),
    refresh('tablet_refresh', sessionEnded),
    withAccess('api', 'GET', '/sync/status', 'tablet_access', unauthenticated),
    withAccess('api', 'GET', '/sync/status', 'phone_access', { status: 200 }),
  ]),
  accountsCase(promise, 'others', 'Nobody ends the session of another person', ({ signIn }) => [
    ...signIn('ana', 'phone'),
    ...signIn('bob', 'tablet'),
    withAccess('accounts', 'DELETE', '/auth/sessions/{{phone_session}}', 'tablet_access', refused(404, 'NOT_FOUND')),
    refresh('phone_refresh', { status: 200 }),
  ]),
]
