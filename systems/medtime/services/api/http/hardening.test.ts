import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as tlsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { createServer, type ServerParts } from '../server.ts'
import type { Area } from './area.ts'
import { readHttpSettings } from './http-settings.ts'
import type { HttpMetrics } from './metrics.ts'
import { followCertificate, readCertificate } from './tls.ts'

const origin = 'https://app.medtime.app'
const portOf = (address: string) => Number(new URL(address).port)

/** Answers at once, takes a body, or answers when told. */
let finish: (() => void) | undefined
const area: Area = {
  routes: {
    quick: { method: 'GET', path: '/quick', summary: 'q', authenticated: false, answers: { 200: z.unknown() } },
    send: { method: 'POST', path: '/send', summary: 's', authenticated: false, answers: { 200: z.unknown() } },
    slow: { method: 'GET', path: '/slow', summary: 's', authenticated: false, answers: { 200: z.unknown() } },
  },
  register: (server) => {
    server.get('/quick', async () => ({ ok: true }))
    server.post('/send', async () => ({ ok: true }))
    server.get('/slow', async () => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return { ok: true }
    })
  },
}

const metrics: HttpMetrics = {
  request: () => undefined,
  refused: () => undefined,
  limited: () => undefined,
  statement: () => undefined,
  text: async () => '',
  contentType: 'text/plain',
}
const parts: ServerParts = {
  areas: [area],
  tokens: { check: () => Promise.reject(new Error('no tokens here')) },
  metrics,
  log: { info: () => undefined, error: () => undefined },
  bodyLimit: 100_000,
  limiter: { take: () => Promise.reject(new Error('nobody is counted here')) },
  trustedProxies: [],
  exempt: () => true,
  origins: [origin],
  patience: { headersMs: 300, requestMs: 600, idleMs: 5_000 },
}

let server: FastifyInstance
let port: number
let folder: string
before(async () => {
  server = createServer(parts)
  port = portOf(await server.listen({ host: '127.0.0.1', port: 0 }))
  folder = await mkdtemp(join(tmpdir(), 'medtime-tls-'))
})
after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

test('every answer carries the security headers, errors as well', async () => {
  for (const path of ['/quick', '/nothing', '/%zz']) {
    const { headers } = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
    assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d{8}/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-powered-by') ?? headers.get('server'), null)
  }
})

test('pages of a listed origin may ask, others are refused, and who names none is no page', async () => {
  const ask = (headers: Record<string, string>, method = 'GET') =>
    server.inject({ method: method === 'GET' ? 'GET' : 'OPTIONS', url: '/quick', headers })
  const listed = await ask({ origin })
  assert.deepEqual([listed.statusCode, listed.headers['access-control-allow-origin']], [200, origin])
  assert.equal(listed.headers['access-control-allow-credentials'], undefined)
  for (const other of [
    'https://evil.example',
    'null',
    `${origin}.evil.example`,
    'https://APP.medtime.app',
    'http://app.medtime.app',
  ]) {
    const refused = await ask({ origin: other })
    assert.equal(refused.statusCode, 403, other)
    assert.equal(refused.headers['access-control-allow-origin'], undefined)
  }
  assert.equal((await ask({})).statusCode, 200)
  const preflight = await ask({ origin, 'access-control-request-method': 'POST' }, 'OPTIONS')
  assert.equal(preflight.statusCode, 204)
  assert.match(String(preflight.headers['access-control-allow-headers']), /authorization/)
})

/** What the server says until it hangs up. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
  })
  await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
  return text
}

test('who sends headers or a body too slowly is hung up on, and nobody else waits for it', async () => {
  const slowHeaders = connect(port, '127.0.0.1')
  slowHeaders.write('GET /quick HTTP/1.1\r\nHost: a\r\n')
  const drip = setInterval(() => slowHeaders.writable && slowHeaders.write('X-A: b\r\n'), 50)
  const slowBody = connect(port, '127.0.0.1')
  slowBody.write('POST /send HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{')
  const dripBody = setInterval(() => slowBody.writable && slowBody.write(' '), 50)
  try {
    assert.equal((await fetch(`http://127.0.0.1:${port}/quick`)).status, 200)
    const [headers, body] = await Promise.all([untilClosed(slowHeaders), untilClosed(slowBody)])
    assert.match(headers, /^HTTP\/1\.1 408 [\s\S]*application\/problem\+json[\s\S]*"code":"TOO_SLOW"/)
    assert.match(body, /^HTTP\/1\.1 408 /)
  } finally {
    clearInterval(drip)
    clearInterval(dripBody)
  }
})

test('what is no HTTP, or too much of it, is refused in the same words as anything else', async () => {
  for (const [sent, status, code] of [
    ['nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    ['GET /quick HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'BAD_REQUEST'],
    [`GET /quick HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    [
      'POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(sent)
    const answer = await untilClosed(socket)
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(answer, /^content-type: application\/problem\+json/im)
    assert.match(answer, new RegExp(`"code":"${code}"`))
  }
})

test('who is refused while a large body is on its way still reads the answer', async () => {
  const socket = connect(port, '127.0.0.1')
  let broken: Error | undefined
  socket.on('error', (error) => {
    broken = error
  })
  const headers = `POST /send HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\nContent-Length: 8000000\r\n\r\n`
  socket.write(headers + 'y'.repeat(8_000_000))
  assert.match(await untilClosed(socket), /^HTTP\/1\.1 431 /)
  assert.equal(broken, undefined)
})

test('who sends more than is taken and hangs up afterwards still reads that it was too much', async () => {
  for (let time = 0; time < 20; time++) {
    const socket = connect(port, '127.0.0.1')
    let broken: Error | undefined
    socket.on('error', (error) => {
      broken = error
    })
    const headers =
      'POST /send HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n'
    socket.write(headers + 'y'.repeat(8_000_000))
    assert.match(await untilClosed(socket), /^HTTP\/1\.1 413 /)
    assert.equal(broken, undefined)
  }
})

test('a HEAD that cannot be read is refused without a body', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`HEAD /quick HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`)
  assert.match(await untilClosed(socket), /^HTTP\/1\.1 431 [\s\S]*\r\n\r\n$/)
})

test('an expectation nobody knows is not waited for', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /quick HTTP/1.1\r\nHost: a\r\nExpect: gold\r\nConnection: close\r\n\r\n')
  assert.match(await untilClosed(socket), /^HTTP\/1\.1 200 [\s\S]*{"ok":true}/)
})

test('a service that ends answers what it has begun, and takes nothing new', async () => {
  const ending = createServer(parts)
  const address = await ending.listen({ host: '127.0.0.1', port: 0 })
  const begun = fetch(`${address}/slow`)
  const deadline = Date.now() + 5_000
  while (finish === undefined && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
  const closed = ending.close()
  await assert.rejects(once(connect(portOf(address), '127.0.0.1'), 'connect', { signal: AbortSignal.timeout(2_000) }))
  finish?.()
  const answer = await begun
  assert.deepEqual([answer.status, await answer.json()], [200, { ok: true }])
  ending.server.closeIdleConnections()
  await closed
})

/** A key and a certificate for `name`, signed by itself. */
function makeCertificate(name: string) {
  const files = { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-subj',
        `/CN=${name}`,
        '-addext',
        `subjectAltName=DNS:${name}`,
        '-keyout',
        files.keyFile,
        '-out',
        files.certFile,
      ],
    ],
    { stdio: 'ignore' },
  )
  return files
}

const nameAt = (to: number) =>
  new Promise<string>((resolve, reject) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: to, rejectUnauthorized: false }, () => {
      const { CN } = socket.getPeerCertificate().subject
      socket.destroy()
      resolve(String(CN))
    })
    socket.on('error', reject)
  })

test('with a certificate it speaks TLS 1.3 alone, and takes over a renewed one', async () => {
  const [first, renewed] = [makeCertificate('first'), makeCertificate('renewed')]
  const used = { certFile: join(folder, 'used.crt'), keyFile: join(folder, 'used.key') }
  await copyFile(first.certFile, used.certFile)
  await copyFile(first.keyFile, used.keyFile)
  const secure = createServer({ ...parts, certificate: readCertificate(used) })
  const to = portOf(await secure.listen({ host: '127.0.0.1', port: 0 }))
  const told: boolean[] = []
  const stop = followCertificate(secure.server, used, 20, (taken) => told.push(taken))
  try {
    const status = await new Promise((resolve, reject) => {
      tlsRequest({ host: '127.0.0.1', port: to, path: '/quick', rejectUnauthorized: false, agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end()
    })
    assert.equal(status, 200)
    const old = tlsConnect({ host: '127.0.0.1', port: to, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    await assert.rejects(once(old, 'secureConnect'), /protocol version|alert/i)
    assert.equal(await nameAt(to), 'first')

    const until = async (met: () => Promise<boolean>) => {
      const deadline = Date.now() + 10_000
      while (!(await met())) {
        assert.ok(Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const passedOver = async () => {
      await until(async () => told.at(-1) === false)
      assert.equal(await nameAt(to), 'first')
      assert.ok(!told.includes(true))
      told.length = 0
    }
    await writeFile(used.certFile, '')
    await passedOver()
    await copyFile(renewed.certFile, used.certFile)
    await passedOver()
    await copyFile(renewed.keyFile, used.keyFile)
    await until(async () => (await nameAt(to)) === 'renewed')
  } finally {
    stop()
    await secure.close()
  }
})

test('settings that would let in more than meant are refused by name', () => {
  assert.deepEqual(readHttpSettings({}), { origins: [], certificateFiles: undefined })
  assert.deepEqual(readHttpSettings({ CORS_ORIGINS: `${origin},https://b.example` }).origins, [
    origin,
    'https://b.example',
  ])
  for (const environment of [{ CORS_ORIGINS: '*' }, { CORS_ORIGINS: `${origin}/` }, { CORS_ORIGINS: 'medtime.app' }])
    assert.throws(() => readHttpSettings(environment), /CORS_ORIGINS$/)
  assert.throws(() => readHttpSettings({ TLS_CERT_FILE: '/x' }), /TLS_CERT_FILE, TLS_KEY_FILE/)
})
