import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { test } from 'node:test'
import { seededRandom } from '../../random.ts'
import type { Exercise } from '../exercise.ts'
import { type Fuzzed, fuzz } from './fuzz.ts'
import { createMarker } from './marker.ts'
import { readOpenapi } from './openapi.ts'
import { depthOf } from './tally.ts'

const problem = { 'application/problem+json': { schema: { type: 'object', required: ['type', 'status'] } } }
const refusals = { 400: { content: problem }, 401: { content: problem }, 404: { content: problem } }
const note = {
  type: 'object',
  properties: { text: { type: 'string', maxLength: 40 }, stars: { type: 'integer', minimum: 1, maximum: 5 } },
  required: ['text'],
}
const notes = { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } }
const document = JSON.stringify({
  openapi: '3.1.0',
  paths: {
    '/notes': {
      get: { responses: { 200: { content: { 'application/json': { schema: notes } } }, ...refusals } },
      post: {
        security: [{ token: [] }],
        requestBody: { content: { 'application/json': { schema: note } } },
        responses: { 201: {}, ...refusals },
      },
    },
    '/notes/{id}': {
      get: {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: { content: { 'application/json': {} } }, ...refusals },
      },
    },
  },
})

/** What a service does to one request; what it does not answer itself goes on to the sound service. */
type Fault = (request: IncomingMessage, body: string, response: ServerResponse) => boolean

const refuse = (response: ServerResponse, status: number, more = {}) =>
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: '/problems/refused', status, ...more }))

function isNote(body: string): boolean {
  try {
    const { text, stars = 1 } = JSON.parse(body)
    return typeof text === 'string' && text.length <= 40 && Number.isInteger(stars) && stars >= 1 && stars <= 5
  } catch {
    return false
  }
}

function sound(request: IncomingMessage, body: string, response: ServerResponse): void {
  const path = request.url?.split('?')[0] ?? ''
  const known = path === '/notes' || /^\/notes\/[^/]+$/.test(path)
  if (!known) return void refuse(response, 404)
  if (request.method === 'GET' || request.method === 'HEAD') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(path === '/notes' ? '[{"id":"first"}]' : '{}')
  } else if (request.method !== 'POST' || path !== '/notes') refuse(response, 404)
  else if (request.headers.authorization !== 'Bearer ana') refuse(response, 401)
  else if (isNote(body)) response.writeHead(201).end()
  else refuse(response, 400)
}

const exercise: Exercise = {
  actors: async () => [],
  step: () => Promise.reject(new Error('unused')),
  perform: async () => undefined,
  readBack: async () => 'kept',
  settle: async () => undefined,
  credentials: async () => ({ authorization: 'Bearer ana' }),
  paths: () => [],
  mutations: () => [],
  smoke: async () => ({ passed: true, checks: [] }),
  behaviours: () => [
    {
      id: 'kept/one',
      promise: 'notes/kept',
      title: 'a note is kept',
      exchanges: [
        {
          as: 'ana',
          service: 'notes',
          request: { method: 'POST', path: '/notes', json: { text: 'sound' } },
          expect: { status: 201 },
        },
      ],
    },
  ],
}

async function fuzzed(fault: Fault = () => false, requests = 400): Promise<Fuzzed> {
  const server = createServer({ requireHostHeader: false })
  const listen = (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => fault(request, body, response) || sound(request, body, response))
  }
  server.on('request', listen)
  // Node would answer in words of its own.
  server.on('checkExpectation', listen)
  server.on('clientError', (_error, socket) => {
    const body = '{"type":"/problems/refused","status":400}'
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const bound = server.address()
  const address = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  const random = seededRandom(11)
  try {
    return await fuzz({
      service: 'notes',
      operations: readOpenapi(document),
      address: () => address,
      newExercise: () => exercise,
      casesOfAnOperation: 1,
      marker: createMarker(random.fork('marker')),
      random,
      signal: new AbortController().signal,
      until: (sent) => sent < requests,
      told: () => undefined,
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const says = ({ breaches }: Fuzzed) => breaches.map((breach) => breach.says).join('\n')

test('a service that keeps to its document has no breach, and most requests get past its door', async () => {
  const result = await fuzzed()
  assert.equal(says(result), '')
  assert.equal(result.sent, 400)
  const { succeeded, atTheDoor } = depthOf(result.tallies)
  assert.ok(succeeded > 100 && atTheDoor < 100, `${succeeded} with success, ${atTheDoor} at the door`)
  assert.ok(result.tallies.every(({ sent }) => sent > 50))
})

test('every operation is asked once before any is asked again, as soon as requests are enough for that', async () => {
  for (const requests of [3, 5, 12]) {
    const { sent, tallies } = await fuzzed(() => false, requests)
    assert.deepEqual(
      tallies.filter((tally) => tally.sent === 0),
      [],
    )
    assert.equal(sent, requests)
  }
})

const faults: readonly { name: string; fault: Fault; expected: RegExp }[] = [
  {
    name: 'fails on one malformed input',
    fault: (_request, body, response) => body.includes('\\ud800') && Boolean(refuse(response, 500)),
    expected: /POST \/notes was answered 500/,
  },
  {
    name: 'repeats what was sent when it refuses',
    fault: (request, body, response) =>
      request.method === 'POST' && !isNote(body) && Boolean(refuse(response, 400, { detail: body })),
    expected: /POST \/notes was answered 400 with what was sent, in clear/,
  },
  {
    name: 'answers with a status nobody declared',
    fault: (request, _body, response) =>
      request.headers['content-encoding'] !== undefined && Boolean(refuse(response, 415)),
    expected: /was answered 415, which the document does not declare/,
  },
  {
    name: 'answers in another form',
    fault: (request, _body, response) =>
      request.url === '/notes' &&
      request.method === 'GET' &&
      Boolean(response.writeHead(200, { 'content-type': 'application/json' }).end('[{"name":"first"}]')),
    expected: /GET \/notes was answered 200 unlike its schema, at 0\/id/,
  },
  {
    name: 'hangs up',
    fault: (request, body) => {
      if (!body.includes('__proto__')) return false
      request.socket.destroy()
      return true
    },
    expected: /POST \/notes was not answered: ECONNRESET/,
  },
]

for (const { name, fault, expected } of faults) {
  test(`a service that ${name} is found out`, async () => {
    assert.match(says(await fuzzed(fault, 900)), expected)
  })
}
