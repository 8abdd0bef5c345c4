import type { Exchange, Expectation, HttpRequest } from 'aval'
import type { Tier } from '../people.ts'
import { accepted, refused } from './answers.ts'
import { caseOf, raw, type Scene } from './scene.ts'

/** An address behind the proxy, in a network of its own for each id. */
export function beyond(id: string): string {
  const hex = id.replaceAll('-', '')
  return `2001:db8:${hex.slice(0, 4)}:${hex.slice(4, 8)}::1`
}

/** An address of nobody else: requests that come as through a proxy are counted to whom it names. */
export function networkOf({ userId }: Scene, name: string): string {
  return beyond(userId(name))
}

export const from = (address: string, request: HttpRequest): HttpRequest => ({
  ...request,
  headers: { ...request.headers, 'x-forwarded-for': address },
})
const pullFrom = (address: string): HttpRequest => from(address, { method: 'GET', path: '/sync/pull' })

export const passed = (limit: number, remaining: number): Expectation => ({
  status: 200,
  headers: {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': 're:^(60|[1-5]?[0-9])$',
    'retry-after': 'absent:',
  },
})
export const spent = (limit: number): Expectation => ({
  ...refused(429, 'RATE_LIMITED'),
  headers: {
    'content-type': 'application/problem+json',
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': '0',
    'retry-after': 're:^(6[01]|[1-5]?[0-9])$',
  },
})

const pulls = (scene: Scene, tier: Tier, limit: number): Exchange[] => {
  const ana = scene.person('ana', tier)
  const pull = pullFrom(networkOf(scene, 'ana'))
  return [
    ...Array.from({ length: limit }, (_, index) => raw(pull, passed(limit, limit - index - 1), ana)),
    raw(pull, spent(limit), ana),
    raw(pull, spent(limit), ana),
  ]
}

const exact = 'limits-exact'
const ordered = 'limits-in-order'

export const limits = [
  caseOf(exact, 'pulls-free', 'Thirty pulls of a free user pass in a minute, and the next does not', (scene) =>
    pulls(scene, 'free', 30),
  ),
  caseOf(exact, 'pulls-pro', 'A hundred and fifty pulls of a pro user pass', (scene) => pulls(scene, 'pro', 150)),
  caseOf(
    exact,
    'pushes-free',
    'Ten pushes of a free user pass, and what the eleventh brings is not written',
    (scene) => {
      const ana = scene.person('ana', 'free')
      const address = networkOf(scene, 'ana')
      const push = (name: string) =>
        from(address, {
          method: 'POST',
          path: '/sync/push',
          json: { device_id: 'device-1', entities: [scene.entity(name)] },
        })
      return [
        ...Array.from({ length: 10 }, (_, index) => raw(push(`dose-${index}`), accepted(1), ana)),
        raw(push('one-too-many'), spent(10), ana),
        raw(pullFrom(address), { status: 200, text: { lacks: [scene.entity('one-too-many').id] } }, ana),
      ]
    },
  ),
  caseOf(exact, 'sum-of-a-user', 'Sixty requests of a free user pass in all, whatever they are', (scene) => {
    const ana = scene.person('ana', 'free')
    const address = networkOf(scene, 'ana')
    const status = from(address, { method: 'GET', path: '/sync/status' })
    return [
      ...Array.from({ length: 30 }, () => raw(pullFrom(address), { status: 200 }, ana)),
      raw(pullFrom(address), spent(30), ana),
      ...Array.from({ length: 30 }, () => raw(status, { status: 200 }, ana)),
      raw(status, spent(60), ana),
    ]
  }),
  caseOf(ordered, 'address-first', 'After a hundred bad tokens an address learns no more of tokens', (scene) => {
    const address = networkOf(scene, 'ana')
    const bad = from(address, { method: 'GET', path: '/sync/pull', headers: { authorization: 'Bearer a.b.c' } })
    return [
      ...Array.from({ length: 100 }, () => raw(bad, { status: 401 })),
      raw(bad, spent(100)),
      raw(from(address, { method: 'GET', path: '/nothing-here' }), spent(100)),
      raw(pullFrom(address), { status: 200 }, scene.person('ana')),
    ]
  }),
  caseOf(
    ordered,
    'made-up-addresses',
    'Addresses that a client makes up before that of the proxy change nothing',
    (scene) => {
      const address = networkOf(scene, 'ana')
      const nothing = (index: number) =>
        from(`203.0.113.${index}, ${address}`, { method: 'GET', path: '/nothing-here' })
      return [
        ...Array.from({ length: 100 }, (_, index) => raw(nothing(index), refused(404, 'NOT_FOUND'))),
        raw(nothing(101), spent(100)),
      ]
    },
  ),
]
