import type { Expectation } from 'aval'
import { refused, unauthenticated } from './answers.ts'
import { caseOf, get, pull, raw } from './scene.ts'

const promise = 'security-headers'

const secure = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "re:^default-src 'none'",
  'cache-control': 're:no-store',
  'strict-transport-security': 're:^max-age=[0-9]{8}',
  'referrer-policy': 'no-referrer',
}
const withHeaders = (expect: Expectation): Expectation => ({ ...expect, headers: { ...expect.headers, ...secure } })

export const securityHeaders = [
  caseOf(promise, 'on-answers', 'An answer carries them', ({ person }) => [
    pull(person('ana'), '', withHeaders({ status: 200 })),
    get('/health', withHeaders({ status: 200 })),
  ]),
  caseOf(promise, 'on-errors', 'An error carries them as well', () => [
    get('/nothing-here', withHeaders(refused(404, 'NOT_FOUND'))),
    get('/sync/pull', withHeaders(unauthenticated)),
    get('/%zz', withHeaders(refused(400, 'BAD_REQUEST'))),
  ]),
  caseOf(promise, 'origins', 'A page of an origin that is not listed is refused', ({ person }) =>
    ['https://evil.example.test', 'null', 'http://localhost:8080'].map((origin) =>
      raw(
        { method: 'GET', path: '/sync/pull', headers: { origin } },
        { ...refused(403, 'ORIGIN_NOT_LISTED'), headers: { 'access-control-allow-origin': 'absent:' } },
        person('ana'),
      ),
    ),
  ),
]
