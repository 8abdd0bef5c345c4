import type { Random } from '../../random.ts'
import type { Draft } from './draft.ts'
import { hostileText } from './hostile-values.ts'

/** Changes a member of the path. @returns what was changed; undefined when the path has none */
export function changePath(draft: Draft, mark: string, random: Random): string | undefined {
  const names = Object.keys(draft.path)
  if (names.length === 0) return undefined
  const name = random.pick(names)
  // An empty one, or one of dots alone, is another path.
  const value = hostileText(mark, random)
  draft.path[name] = /^\.*$/.test(value) ? ` ${value}` : value
  return `another {${name}}`
}

/** Changes what stands behind the question mark. @returns what was changed */
export function changeQuery(draft: Draft, mark: string, random: Random): string {
  const index = random.int(draft.query.length + 1)
  const member = draft.query[index]
  if (member === undefined) {
    const name = random.pick(['extra', '__proto__', 'a[b]', 'a[]', '', mark])
    draft.query.push([name, hostileText(mark, random)])
    return 'an unknown parameter'
  }
  const [name] = member
  switch (random.int(4)) {
    case 0:
      draft.query.push([name, hostileText(mark, random)])
      return `${name} twice`
    case 1:
      draft.query.splice(index, 1)
      return `${name} left out`
    default:
      draft.query[index] = [name, hostileText(mark, random)]
      return `another ${name}`
  }
}

type HeaderOf = (mark: string, random: Random) => [name: string, value: string][]

const part = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url')

const credentials: readonly { name: string; of: HeaderOf }[] = [
  { name: 'no token', of: () => [] },
  { name: 'an empty token', of: () => [['authorization', '']] },
  { name: 'a token of one word', of: (mark) => [['authorization', mark]] },
  { name: 'a scheme without a token', of: () => [['authorization', 'Bearer']] },
  {
    name: 'another scheme',
    of: (mark) => [['authorization', `Basic ${Buffer.from(`${mark}:${mark}`).toString('base64')}`]],
  },
  { name: 'a token of nothing', of: (mark) => [['authorization', `Bearer ${mark}.${mark}.${mark}`]] },
  {
    name: 'a token without a signature',
    of: (mark) => [['authorization', `Bearer ${part({ alg: 'none' })}.${part({ sub: mark, email: mark })}.`]],
  },
  {
    name: 'a token of an unknown key',
    of: (mark) => [['authorization', `Bearer ${part({ alg: 'RS256', kid: mark })}.${part({ sub: mark })}.${mark}`]],
  },
  {
    name: 'a token that names where its key is',
    of: (mark) => [
      ['authorization', `Bearer ${part({ alg: 'RS256', jku: `http://127.0.0.1:9/${mark}` })}.${part({})}.x`],
    ],
  },
  { name: 'a token of broken JSON', of: (mark) => [['authorization', `Bearer ${mark}!.e30.x`]] },
  { name: 'a long token', of: (mark) => [['authorization', `Bearer ${part({ alg: 'RS256' })}.${mark.repeat(700)}.x`]] },
]

const others: readonly { name: string; of: HeaderOf }[] = [
  {
    name: 'a forged address',
    of: (mark, random) => [['x-forwarded-for', random.pick([mark, `2001:db8::${random.int(9_999)}`, '127.0.0.1, ,'])]],
  },
  {
    name: 'a forged host',
    of: (mark) => [
      ['x-forwarded-host', mark],
      ['x-forwarded-proto', mark],
    ],
  },
  {
    name: 'a correlation id',
    of: (mark, random) => [
      ['x-correlation-id', hostileText(mark, random)],
      ['x-request-id', mark],
    ],
  },
  {
    name: 'validators',
    of: (mark, random) => [
      ['if-none-match', random.pick([`"${mark}"`, '*', 'W/""', '"', mark])],
      ['if-match', mark],
    ],
  },
  {
    name: 'an impossible range',
    of: (mark) => [
      ['range', `bytes=5-1,${mark}`],
      ['if-modified-since', mark],
    ],
  },
  {
    name: 'an answer in another form',
    of: (mark, random) => [
      ['accept', random.pick(['text/html', mark, '*/*;q=nan', ''])],
      ['accept-language', mark],
    ],
  },
  {
    name: 'an answer encoded',
    of: (_mark, random) => [
      ['accept-encoding', random.pick(['gzip', 'zstd', 'br', 'gzip;q=0, *', 'identity;q=0', ';;;q='])],
    ],
  },
  { name: 'an unknown origin', of: (mark) => [['origin', `https://${mark}.example.test`]] },
  {
    name: 'a digest',
    of: (mark, random) => [
      ['content-digest', random.pick([mark, `sha-256=:${mark}:`, 'sha-256=', 'sha-256=::, sha-256=::'])],
    ],
  },
  {
    name: 'a signature',
    of: (mark) => [
      ['x-twilio-signature', mark],
      ['x-hub-signature-256', mark],
    ],
  },
  { name: 'cookies', of: (mark) => [['cookie', `session=${mark}; __proto__=${mark}`]] },
  {
    name: 'an agent',
    of: (mark, random) => [
      ['user-agent', hostileText(mark, random)],
      ['referer', `https://example.test/${mark}`],
    ],
  },
  {
    name: 'another method named',
    of: () => [
      ['x-http-method-override', 'DELETE'],
      ['x-method-override', 'PUT'],
    ],
  },
  {
    name: 'headers twice',
    of: (mark) => [
      ['content-type', 'application/json'],
      ['authorization', `Bearer ${mark}`],
    ],
  },
  { name: 'many headers', of: (mark) => Array.from({ length: 90 }, (_, index) => [`x-${mark}-${index}`, mark]) },
  {
    name: 'an unusual expectation',
    of: () => [
      ['connection', 'close, upgrade'],
      ['upgrade', 'websocket'],
    ],
  },
]

/** Puts other credentials in the place of those there are. @returns what was changed */
export function changeCredentials(draft: Draft, mark: string, random: Random): string {
  const { name, of } = random.pick(credentials)
  draft.headers = [...draft.headers.filter(([header]) => header !== 'authorization'), ...of(mark, random)]
  return name
}

/** Adds headers. @returns what was changed */
export function changeHeaders(draft: Draft, mark: string, random: Random): string {
  const { name, of } = random.pick(others)
  draft.headers.push(...of(mark, random))
  return name
}

/** As a header can carry it: what is no printable ASCII is percent-encoded. */
export function inHeader(value: string): string {
  return value
    .replace(/[^\x20-\x7e]/gu, (each) => (each.isWellFormed() ? encodeURIComponent(each) : '%ED%A0%80'))
    .trim()
}
