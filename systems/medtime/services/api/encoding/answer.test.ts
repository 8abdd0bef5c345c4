import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import Fastify from 'fastify'
import { acceptedEncoding, compressAbove, encodeAnswers } from './answer.ts'

test('the better of what a client accepts is taken', () => {
  for (const [header, expected] of [
    [undefined, undefined],
    ['', undefined],
    ['identity', undefined],
    ['br, deflate', undefined],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip;q=1.0, zstd;q=0.5', 'gzip'],
    ['gzip;q=0', undefined],
    ['gzip;q=nonsense', undefined],
    ['*', 'zstd'],
    ['*;q=0', undefined],
    ['zstd;q=0, *', 'gzip'],
  ] as const) {
    assert.equal(acceptedEncoding(header), expected, String(header))
  }
})

describe('an answer', () => {
  const server = Fastify()
  encodeAnswers(server)
  const json = (length: number) => JSON.stringify('j'.repeat(length - 2))
  server.get<{ Params: { length: string } }>('/:length', async ({ params }, reply) =>
    reply.type('application/json; charset=utf-8').send(json(Number(params.length))),
  )
  server.get('/text', async (_request, reply) => reply.type('text/plain').send('t'.repeat(5_000)))
  const get = (url: string, accept?: string) =>
    server.inject({ url, headers: accept === undefined ? {} : { 'accept-encoding': accept } })

  test('above 1 KB is compressed for who accepts it', async () => {
    for (const [encoding, decode] of [
      ['gzip', gunzipSync],
      ['zstd', zstdDecompressSync],
    ] as const) {
      const { headers, rawPayload } = await get('/5000', encoding)
      assert.equal(headers['content-encoding'], encoding)
      assert.equal(headers.vary, 'accept-encoding')
      assert.equal(Number(headers['content-length']), rawPayload.length)
      assert.equal(decode(rawPayload).toString(), json(5_000))
    }
  })

  test('of 1 KB, of another kind, or to who does not accept it goes out as it is', async () => {
    for (const answer of [
      await get(`/${compressAbove}`, 'gzip'),
      await get('/text', 'gzip'),
      await get('/5000'),
      await get('/5000', 'br'),
    ])
      assert.equal(answer.headers['content-encoding'], undefined)
    assert.equal((await get(`/${compressAbove + 1}`, 'gzip')).headers['content-encoding'], 'gzip')
  })
})
