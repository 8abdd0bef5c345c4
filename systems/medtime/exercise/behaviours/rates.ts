import type { Behaviour, Exchange, Expectation, HttpRequest } from 'aval'
import type { People, Tier } from '../people.ts'
import { type AccountsScene, accountsCase, post } from './accounts-scene.ts'
import { accepted, refused } from './answers.ts'
import { beyond, from, networkOf, passed, spent } from './limits.ts'
import { type CaseOf, caseOf, raw, type Scene } from './scene.ts'
import { full } from './sessions-by-tier.ts'
import { exhausted } from './unknown-accounts.ts'

/** A case of a limit of the plan, from a case of the api or of accounts. */
function ofLimit(limit: string, made: CaseOf): CaseOf {
  return (people: People): Behaviour => ({ ...made(people), promise: `limits/${limit}` })
}

/**
 * As many requests as a tier allows pass, each told how many are left; two more are refused, and told to wait.
 * @param request the same, or another one each time
 * @param answered with what beside the headers
 */
function stopsAt(
  limit: string,
  allowed: Record<Tier, number>,
  request: (scene: Scene, index: number) => HttpRequest,
  answered: Expectation = { status: 200 },
): CaseOf[] {
  const tiers: readonly Tier[] = ['free', 'pro', 'perfect']
  return tiers.map((tier) =>
    ofLimit(
      limit,
      caseOf(`limits-${limit}`, tier, `${tier}: ${allowed[tier]} pass in a minute, and the next does not`, (scene) => {
        const ana = scene.person('ana', tier)
        const ask = (index: number, expect: Expectation): Exchange =>
          raw(from(networkOf(scene, 'ana'), request(scene, index)), expect, ana)
        const count = allowed[tier]
        return [
          ...Array.from({ length: count }, (_, index) =>
            ask(index, { ...answered, headers: passed(count, count - index - 1).headers ?? {} }),
          ),
          ask(count, spent(count)),
          ask(count + 1, spent(count)),
        ]
      }),
    ),
  )
}

const get = (path: string): HttpRequest => ({ method: 'GET', path })
const status = get('/sync/status')

const pushes = stopsAt(
  'sync_push',
  { free: 10, pro: 50, perfect: 100 },
  (scene, index) => ({
    method: 'POST',
    path: '/sync/push',
    json: { device_id: 'device-1', entities: [scene.entity(`dose-${index}`)] },
  }),
  accepted(1),
)
/** Sealed to no key there is: it is counted, and answered at once. */
const image: HttpRequest = {
  method: 'POST',
  path: '/ocr/process',
  headers: { 'content-type': 'application/octet-stream' },
  text: `\u0001${'x'.repeat(192)}`,
}

const addresses = [
  ofLimit(
    'address_unauthenticated',
    caseOf('limits-address_unauthenticated', 'at', 'A hundred requests without a token pass, and no more', (scene) => {
      const nothing = from(networkOf(scene, 'ana'), get('/nothing-here'))
      return [...Array.from({ length: 100 }, () => raw(nothing, refused(404, 'NOT_FOUND'))), raw(nothing, spent(100))]
    }),
  ),
  ofLimit(
    'address_unauthenticated',
    caseOf('limits-address_unauthenticated', 'bad', 'Bad tokens count as none', (scene) => {
      const bad = from(networkOf(scene, 'ana'), { ...status, headers: { authorization: 'Bearer a.b.c' } })
      return [...Array.from({ length: 100 }, () => raw(bad, refused(401, 'UNAUTHENTICATED'))), raw(bad, spent(100))]
    }),
  ),
  ofLimit(
    'address_authenticated',
    caseOf('limits-address_authenticated', 'at', 'A thousand requests of several people pass, and no more', (scene) => {
      const asked = from(networkOf(scene, 'ana'), status)
      const people = [scene.person('ana'), scene.person('bob')]
      return [
        ...people.flatMap((who) => Array.from({ length: 500 }, () => raw(asked, { status: 200 }, who))),
        ...people.map((who) => raw(asked, spent(1_000), who)),
        raw(from(networkOf(scene, 'bob'), status), { status: 200 }, scene.person('bob')),
      ]
    }),
  ),
]

const accounts = (limit: string, name: string, title: string, write: (scene: AccountsScene) => Exchange[]): CaseOf =>
  ofLimit(limit, accountsCase(`limits-${limit}`, name, title, write))

const ofAccounts = [
  accounts('auth_endpoints', 'at', 'Twenty requests to sign in pass from one address, and no more', ({ email }) => {
    const headers = { 'x-forwarded-for': beyond(email('ana')) }
    const ask = (expect: Expectation): Exchange => {
      const made = post('/auth/sign-in/start', {}, expect)
      return { ...made, request: { ...made.request, headers } }
    }
    return [...Array.from({ length: 20 }, () => ask(refused(400, 'BAD_REQUEST'))), ask(spent(20)), ask(spent(20))]
  }),
  accounts('failed_logins', 'at', 'Five sign-ins may fail before a challenge comes', ({ email }) =>
    exhausted(email('ana')),
  ),
  ...(['free', 'pro', 'perfect'] as const).map((tier) =>
    ofLimit('sessions', full('limits-sessions', tier, { free: 2, pro: 5, perfect: 10 }[tier])),
  ),
]

/** Requests, sign-ins and sessions at their limit and over; the figures stand in the plan. */
export const rates: CaseOf[] = [
  ...pushes,
  ...stopsAt('sync_pull', { free: 30, pro: 150, perfect: 300 }, () => get('/sync/pull')),
  ...stopsAt('catalog', { free: 60, pro: 120, perfect: 200 }, () => get('/catalog/search?q=losartan')),
  ...stopsAt('ocr', { free: 5, pro: 20, perfect: 50 }, () => image, refused(409, 'OCR_KEY_UNKNOWN')),
  ...stopsAt('user_total', { free: 60, pro: 300, perfect: 600 }, () => status),
  ...addresses,
  ...ofAccounts,
]
