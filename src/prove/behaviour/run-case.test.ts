import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { AvalError } from '../../errors.ts'
import type { Behaviour, Exchange, Expectation, Json } from '../exercise.ts'
import { type CaseResult, runCase } from './run-case.ts'

/** A small ledger of notes: what a service that keeps its promise answers. */
const sound = {
  status: 200,
  headers: { 'content-type': 'application/json', 'x-limit': '100' },
  body: {
    notes: [
      { id: 'n1', size: 3, open: true },
      { id: 'n2', size: 5, open: false },
    ],
    cursor: 'b3BhcXVl',
    token: 'a very secret token',
  },
}
type Reply = { status: number; headers: Record<string, string>; body: Json }

const expectation: Expectation = {
  status: 200,
  headers: { 'x-limit': '100' },
  json: {
    notes: [
      { id: 'n1', size: 'any:number' },
      { id: 'n2', open: false },
    ],
    cursor: 're:^[A-Za-z0-9]+$',
    secret: 'absent:',
  },
  text: { has: ['re:"cursor":"\\w+"'], lacks: ['stack'] },
}

const server = createServer((request, response) => {
  void answer(request, response)
})
let reply: Reply = sound
const received: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []

async function answer(request: IncomingMessage, response: ServerResponse) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk)
  const { method = '', url = '', headers } = request
  received.push({ method, url, headers, body })
  if (url === '/silence') return
  if (url === '/hang-up') return request.socket.destroy()
  response.writeHead(reply.status, reply.headers)
  response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
}

let address = ''
before(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port')
  address = `http://127.0.0.1:${bound.port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

function exchange(change: Partial<Exchange> = {}): Exchange {
  return { service: 'notes', request: { method: 'GET', path: '/notes' }, expect: expectation, ...change }
}

async function run(exchanges: Exchange[], options: { answering?: Reply; timeLimitMs?: number } = {}) {
  reply = options.answering ?? sound
  received.length = 0
  const behaviour: Behaviour = { id: 'notes-listed', promise: 'notes/listed', title: 'notes are listed', exchanges }
  return runCase(behaviour, {
    address: (service) => (service === 'notes' ? address : 'http://127.0.0.1:9'),
    credentials: async (alias) => ({ authorization: `Bearer ${alias}` }),
    ...(options.timeLimitMs === undefined ? {} : { timeLimitMs: options.timeLimitMs }),
  })
}

const answering = (body: Json, more: Partial<Reply> = {}): { answering: Reply } => ({
  answering: { ...sound, ...more, body },
})

describe('a case', () => {
  test('passes when the answer is as expected', async () => {
    const result = await run([exchange()])
    assert.deepEqual(result.mismatches, [])
    assert.equal(result.passed, true)
    assert.equal(result.failedAt, undefined)
    assert.ok(result.tookMs >= 0)
  })

  const { notes, ...rest } = sound.body
  const [first, second] = notes
  assert.ok(first && second)
  const mutants: [name: string, options: { answering: Reply }, mismatch: string][] = [
    ['a wrong status', answering(sound.body, { status: 201 }), 'status: expected 200, found 201'],
    [
      'a wrong status with its code',
      answering({ error: { code: 'BUSY' } }, { status: 503 }),
      'status: expected 200, found 503 BUSY',
    ],
    ['a missing header', answering(sound.body, { headers: {} }), 'header x-limit: expected "100", found nothing'],
    [
      'another header',
      answering(sound.body, { headers: { 'x-limit': '99' } }),
      'header x-limit: expected "100", found text of 2 characters',
    ],
    ['a missing member', answering({ notes }), '/cursor: expected text like /^[A-Za-z0-9]+$/, found nothing'],
    ['a missing list', answering({ ...rest }), '/notes: expected a list of 2 elements, found nothing'],
    [
      'an extra element',
      answering({ ...rest, notes: [...notes, first] }),
      '/notes: expected a list of 2 elements, found a list of 3 elements',
    ],
    [
      'a lacking element',
      answering({ ...rest, notes: [first] }),
      '/notes: expected a list of 2 elements, found a list of 1 element',
    ],
    [
      'elements in another order',
      answering({ ...rest, notes: [second, first] }),
      '/notes/0/id: expected "n1", found text of 2 characters',
    ],
    [
      'a wrong type',
      answering({ ...rest, notes: [{ ...first, size: '3' }, second] }),
      '/notes/0/size: expected a value of type number, found text of 1 characters',
    ],
    ['an object for a list', answering({ ...rest, notes: {} }), '/notes: expected a list, found an object'],
    ['null for a list', answering({ ...rest, notes: null }), '/notes: expected a list, found null'],
    [
      'another value',
      answering({ ...rest, notes: [first, { ...second, open: true }] }),
      '/notes/1/open: expected false, found true',
    ],
    [
      'text that does not fit',
      answering({ ...rest, notes, cursor: 'with space' }),
      '/cursor: expected text like /^[A-Za-z0-9]+$/, found text of 10 characters',
    ],
    [
      'a member that must not be there',
      answering({ ...sound.body, secret: 'x' }),
      '/secret: expected nothing, found text of 1 characters',
    ],
    [
      'a part that must not be there',
      answering({ ...sound.body, stack: 1 }),
      'text: expected not to hold "stack", which it does',
    ],
    ['a body that is no JSON', answering('<html>'), 'body: expected JSON, found none'],
  ]
  for (const [name, options, mismatch] of mutants)
    test(`sees ${name}`, async () => {
      const result = await run([exchange()], options)
      assert.equal(result.passed, false)
      assert.equal(result.failedAt, 0)
      assert.ok(result.mismatches.includes(mismatch), `${mismatch} is among\n${result.mismatches.join('\n')}`)
    })

  test('tells every difference, the status first', async () => {
    const result = await run([exchange()], answering({ notes: [] }, { status: 500, headers: {} }))
    assert.deepEqual(
      result.mismatches.map((mismatch) => mismatch.split(':')[0]),
      ['status', 'header x-limit', '/notes', '/cursor', 'text'],
    )
  })

  test('never tells what the answer or the request held', async () => {
    const wrong: Expectation = { status: 200, json: { token: 'another', cursor: 5, notes: 'x' } }
    const result = await run([exchange({ as: 'ana@notes', expect: wrong })])
    assert.equal(result.mismatches.length, 3)
    assert.doesNotMatch(result.mismatches.join(), /secret|b3Bh|Bearer|ana@/)
  })
})

describe('exchanges', () => {
  test('carry the credentials of the named person, and a header of the request goes before them', async () => {
    await run([
      exchange({ as: 'ana@notes' }),
      exchange(),
      exchange({ as: 'ana@notes', request: { method: 'GET', path: '/', headers: { Authorization: 'none' } } }),
    ])
    assert.deepEqual(
      received.map(({ headers }) => headers.authorization),
      ['Bearer ana@notes', undefined, 'none'],
    )
  })

  test('hand saved values on: into paths encoded, into bodies with their type, into expectations literally', async () => {
    const saving = exchange({ save: { cursor: '/cursor', size: '/notes/1/size', all: '/notes', token: '/token' } })
    const using = exchange({
      request: {
        method: 'POST',
        path: '/notes?cursor={{token}}&c={{cursor}}',
        json: { size: '{{size}}', text: 'size {{size}}', notes: '{{all}}' },
      },
      expect: { status: 200, json: { cursor: '{{cursor}}', token: 're:^{{token}}$', notes: '{{all}}' } },
    })
    const result = await run([saving, using])
    assert.deepEqual(result.mismatches, [])
    const sent = received[1]
    assert.equal(sent?.url, '/notes?cursor=a%20very%20secret%20token&c=b3BhcXVl')
    assert.deepEqual(JSON.parse(sent?.body ?? ''), { size: 5, text: 'size 5', notes: sound.body.notes })
    assert.equal(sent?.headers['content-type'], 'application/json')
  })

  test('treat a saved value in a pattern as text, not as a pattern', async () => {
    const saving = exchange({ expect: { status: 200 }, save: { dots: '/dots' } })
    const using = exchange({ expect: { status: 200, json: { dots: 're:^{{dots}}$' }, text: { has: ['{{dots}}'] } } })
    const result = await run([saving, using], answering({ dots: 'a.b+(c)/[d]{2}' }))
    assert.deepEqual(result.mismatches, [])
  })

  test('shift saved moments', async () => {
    const saving = exchange({ expect: { status: 200 }, save: { at: '/at' } })
    const using = exchange({ request: { method: 'GET', path: '/{{at-2m}}/{{at+1500ms}}' }, expect: { status: 200 } })
    await run([saving, using], answering({ at: '2026-03-01T00:01:00Z' }))
    assert.equal(decodeURIComponent(received[1]?.url ?? ''), '/2026-02-28T23:59:00.000Z/2026-03-01T00:01:01.500Z')
  })

  test('can expect that a value changed', async () => {
    const saving = exchange({ save: { cursor: '/cursor' } })
    const changed = exchange({ expect: { status: 200, json: { cursor: 'not:{{cursor}}' } } })
    const result = await run([saving, changed])
    assert.deepEqual(result.mismatches, ['/cursor: expected anything but {{cursor}}, found text of 8 characters'])
    assert.equal(result.failedAt, 1)
  })

  test('stop at the first that fails', async () => {
    const result = await run([exchange({ expect: { status: 404 } }), exchange()])
    assert.equal(result.failedAt, 0)
    assert.equal(received.length, 1)
  })

  test('fail when there is nothing to save', async () => {
    const result = await run([exchange({ save: { next: '/next' } })])
    assert.deepEqual(result.mismatches, ['/next: expected a value for {{next}}, found nothing'])
  })

  test('send raw text as it is, and another content type when told', async () => {
    const expect = { status: 200 }
    await run([
      exchange({ request: { method: 'POST', path: '/', text: '{"a":' }, expect }),
      exchange({
        request: { method: 'POST', path: '/', text: 'a', headers: { 'Content-Type': 'text/plain' } },
        expect,
      }),
    ])
    assert.deepEqual(
      received.map(({ body, headers }) => [body, headers['content-type']]),
      [
        ['{"a":', 'application/json'],
        ['a', 'text/plain'],
      ],
    )
  })
})

describe('a service that does not answer', () => {
  const at = (path: string, service = 'notes') => [exchange({ service, request: { method: 'GET', path } })]
  const failed = (result: CaseResult) => [result.passed, result.failedAt, ...result.mismatches]

  test('fails the case after the time limit', async () => {
    assert.deepEqual(failed(await run(at('/silence'), { timeLimitMs: 50 })), [false, 0, 'no answer within 0.05 s'])
  })

  test('fails the case when it hangs up or is not there', async () => {
    assert.match(String((await run(at('/hang-up'))).mismatches), /^no answer: \w+/)
    assert.match(String((await run(at('/', 'absent'))).mismatches), /^no answer: /)
  })
})

describe('what says nothing about the service is thrown, not counted', () => {
  const unusable = (problem: RegExp) => (error: unknown) =>
    error instanceof AvalError && error.code === 'CASE_UNUSABLE' && problem.test(error.message)

  test('a name nothing saved', async () => {
    const request = { method: 'GET', path: '/{{nowhere}}' } as const
    await assert.rejects(run([exchange({ request })]), unusable(/notes-listed.*exchange 1.*\{\{nowhere\}\}/))
  })

  test('a pattern that is none', async () => {
    await assert.rejects(run([exchange({ expect: { status: 200, json: { cursor: 're:(' } } })]), unusable(/re:\(/))
  })

  test('credentials that cannot be had', async () => {
    const context = { address: () => address, credentials: () => Promise.reject(new Error('issuer is down')) }
    const behaviour = { id: 'x', promise: 'a/b', title: 'x', exchanges: [exchange({ as: 'ana@x' })] }
    await assert.rejects(runCase(behaviour, context), /issuer is down/)
  })

  test('being interrupted', async () => {
    const stop = new AbortController()
    const context = { address: () => address, credentials: async () => ({}), signal: stop.signal }
    const request = { method: 'GET', path: '/silence' } as const
    const running = runCase({ id: 'x', promise: 'a/b', title: 'x', exchanges: [exchange({ request })] }, context)
    stop.abort(new Error('interrupted'))
    await assert.rejects(running, /interrupted/)
  })
})
