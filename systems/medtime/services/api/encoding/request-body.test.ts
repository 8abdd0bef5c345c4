import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { ApiError } from '../http/api-error.ts'
import { decoded, decodeRequests } from './request-body.ts'

const limit = 100_000
const compress = { gzip: gzipSync, zstd: zstdCompressSync } as const
const encodings = ['gzip', 'zstd'] as const

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const code = (expected: string) => (error: unknown) => error instanceof ApiError && error.code === expected

for (const encoding of encodings) {
  describe(`a body in ${encoding}`, () => {
    test('is what it was, up to the very limit', async () => {
      const body = Buffer.alloc(limit, 'abc')
      const source = Readable.from([compress[encoding](body)])
      assert.deepEqual(await read(decoded(source, encoding, limit)), body)
    })

    test('of one byte too many is refused', async () => {
      const source = Readable.from([compress[encoding](Buffer.alloc(limit + 1, 'abc'))])
      await assert.rejects(read(decoded(source, encoding, limit)), code('BODY_TOO_LARGE'))
    })

    test('that is a bomb is refused while it unfolds, long before its end', async () => {
      // The source never ends: the refusal cannot have waited for it.
      const source = new PassThrough()
      source.write(compress[encoding](Buffer.alloc(20_000_000)).subarray(0, 5_000))
      const body = decoded(source, encoding, limit)
      let seen = 0
      body.on('data', (chunk: Buffer) => {
        seen += chunk.length
      })
      const error = await new Promise((resolve) => body.once('error', resolve))
      assert.ok(code('BODY_TOO_LARGE')(error))
      assert.ok(seen <= limit)
    })

    test('that is large on the wire is refused, whatever it unfolds to', async () => {
      const source = new PassThrough()
      const body = decoded(source, encoding, 1_000)
      // Frames without content: nothing ever comes out.
      const empty = compress[encoding](Buffer.alloc(0))
      for (let sent = 0; sent <= 1_000; sent += empty.length) source.write(empty)
      await assert.rejects(read(body), code('BODY_TOO_LARGE'))
      assert.equal(source.destroyed, false, 'the answer still has to go out')
    })

    test('that is damaged or breaks off is refused', async () => {
      const whole = compress[encoding](Buffer.from('x'.repeat(5_000)))
      for (const broken of [whole.subarray(0, whole.length - 3), Buffer.from('{"device_id":"phone"}')])
        await assert.rejects(read(decoded(Readable.from([broken]), encoding, limit)), code('BAD_REQUEST'))
    })

    test('that is damaged and read by nobody ends quietly: its request was refused for something else', async () => {
      const body = decoded(Readable.from([Buffer.from('{"device_id":"phone"}')]), encoding, limit)
      await new Promise<void>((resolve) => body.on('close', () => resolve()))
      assert.ok(code('BAD_REQUEST')(body.errored))
    })
  })
}

describe('a server that reads compressed requests', () => {
  const server: FastifyInstance = Fastify({ bodyLimit: limit })
  decodeRequests(server, limit)
  server.setErrorHandler((error, _request, reply) =>
    reply
      .code(error instanceof ApiError ? error.status : 500)
      .send({ code: error instanceof ApiError ? error.code : '' }),
  )
  server.post('/echo', async (request) => request.body)
  server.get('/echo', async () => ({}))
  const post = (payload: Buffer, encoding: string) =>
    server.inject({
      method: 'POST',
      url: '/echo',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      payload,
    })

  test('takes gzip, zstd and nothing else', async () => {
    const json = Buffer.from(JSON.stringify({ text: 'y'.repeat(3_000) }))
    for (const encoding of encodings) {
      const { statusCode, body } = await post(compress[encoding](json), encoding)
      assert.deepEqual([statusCode, body], [200, json.toString()])
    }
    for (const encoding of ['br', 'gzip, gzip', 'deflate', 'x']) {
      const { statusCode, body } = await post(gzipSync(json), encoding)
      assert.deepEqual([statusCode, body], [415, '{"code":"UNSUPPORTED_MEDIA_TYPE"}'])
    }
    assert.equal((await post(json, 'identity')).statusCode, 200)
  })

  test('does not look at what a GET carries: nobody reads it', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'x' }
    const { statusCode } = await server.inject({ method: 'GET', url: '/echo', headers, payload: '{}' })
    assert.equal(statusCode, 200)
  })

  test('refuses a bomb by name', async () => {
    for (const encoding of encodings) {
      const { statusCode, body } = await post(compress[encoding](Buffer.alloc(5_000_000, ' ')), encoding)
      assert.deepEqual([statusCode, body], [413, '{"code":"BODY_TOO_LARGE"}'])
    }
  })
})
