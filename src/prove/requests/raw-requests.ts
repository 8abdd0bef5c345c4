import type { Random } from '../../random.ts'
import type { Attempt } from './draft.ts'
import type { Operation } from './openapi.ts'

/** Requests that no HTTP client would send; what comes of them is the listener's to say, whatever they ask for. */
const forms: readonly {
  name: string
  of: (method: string, path: string, mark: string, random: Random) => string | Buffer
}[] = [
  { name: 'a method nobody knows', of: (_method, path, mark) => request(`FUZZ${mark}`, path) },
  { name: 'a method in small letters', of: (method, path) => request(method.toLowerCase(), path) },
  { name: 'PROPFIND', of: (_method, path) => request('PROPFIND', path) },
  { name: 'TRACE', of: (_method, path, mark) => request('TRACE', path, [`x-trace: ${mark}`]) },
  { name: 'CONNECT', of: (_method, _path, mark) => request('CONNECT', `${mark}:443`) },
  { name: 'a whole address', of: (method, path, mark) => request(method, `http://${mark}.example.test${path}`) },
  { name: 'an asterisk for a path', of: () => request('OPTIONS', '*') },
  { name: 'a path with broken percent signs', of: (method, path, mark) => request(method, `${path}/%zz%${mark}%`) },
  {
    name: 'a path of bytes',
    of: (method, path, mark) =>
      Buffer.concat([
        Buffer.from(`${method} ${path}/${mark}`),
        Buffer.from([0xff, 0xc0, 0x80]),
        Buffer.from(' HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      ]),
  },
  { name: 'a long path', of: (method, path, mark) => request(method, `${path}?${mark}=${'x'.repeat(40_000)}`) },
  {
    name: 'large headers',
    of: (method, path, mark) => request(method, path, [`x-large: ${mark}${'x'.repeat(40_000)}`]),
  },
  {
    name: 'a thousand headers',
    of: (method, path, mark) =>
      request(
        method,
        path,
        Array.from({ length: 3_000 }, (_, index) => `x${index}: ${mark}`),
      ),
  },
  { name: 'a header with NUL', of: (method, path, mark) => request(method, path, [`x-nul: ${mark}\u0000`]) },
  { name: 'a header without a name', of: (method, path, mark) => request(method, path, [`: ${mark}`]) },
  { name: 'a folded header', of: (method, path, mark) => request(method, path, [`x-folded: a\r\n ${mark}`]) },
  { name: 'no host', of: (method, path) => `${method} ${path} HTTP/1.1\r\nConnection: close\r\n\r\n` },
  { name: 'an unknown expectation', of: (method, path, mark) => request(method, path, [`expect: ${mark}`]) },
  { name: 'another version', of: (method, path) => `${method} ${path} HTTP/9.9\r\nHost: x\r\n\r\n` },
  { name: 'no version', of: (method, path) => `${method} ${path}\r\n\r\n` },
  {
    name: 'two lengths',
    of: (method, path, mark) => request(method, path, ['content-length: 3', 'content-length: 30'], mark),
  },
  { name: 'a negative length', of: (method, path, mark) => request(method, path, ['content-length: -1'], mark) },
  {
    name: 'a length and pieces',
    of: (method, path, mark) =>
      request(method, path, ['content-length: 5', 'transfer-encoding: chunked'], `5\r\n${mark}`),
  },
  {
    name: 'broken pieces',
    of: (method, path, mark) =>
      request(
        method,
        path,
        ['content-type: application/json', 'transfer-encoding: chunked'],
        `zz\r\n${mark}\r\n0\r\n\r\n`,
      ),
  },
  {
    name: 'pieces encoded twice',
    of: (method, path, mark) =>
      request(method, path, ['transfer-encoding: gzip, chunked'], `3\r\n${mark.slice(0, 3)}\r\n0\r\n\r\n`),
  },
  {
    name: 'bytes at random',
    of: (_method, _path, mark, random) =>
      Buffer.concat([Buffer.from(mark), random.bytes(300), Buffer.from('\r\n\r\n')]),
  },
  { name: 'a greeting of TLS', of: () => Buffer.from('160301020001000001fc0303', 'hex') },
  {
    name: 'two requests at once',
    of: (method, path, mark) =>
      `${request(method, path).replace('Connection: close\r\n', '')}${request('GET', `/${mark}`)}`,
  },
]

function request(method: string, target: string, headers: readonly string[] = [], body = ''): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', body].join('\r\n')
}

export function rawAttempt(operation: Operation, target: string, mark: string, random: Random): Attempt {
  const { name, of } = random.pick(forms)
  const bytes = of(operation.method, target, mark, random)
  return {
    operation,
    method: operation.method,
    target,
    headers: [],
    body: undefined,
    changes: [name],
    addressed: false,
    raw: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes,
  }
}
