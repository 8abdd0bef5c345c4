import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import Fastify from 'fastify'
import { observeRequests } from './requests.ts'

test('what is sent in answer is counted to the byte, request by request on one connection', async (t) => {
  const told: { endpoint: string; bytes: number }[] = []
  const server = Fastify()
  observeRequests(server, { answered: ({ endpoint, bytes }) => told.push({ endpoint, bytes }) })
  server.get('/orders/:id', async () => 'x'.repeat(70_000))
  server.get('/empty', async (_request, reply) => reply.code(204).send())
  const address = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  t.after(() => server.close())

  const socket = connect(Number(address.port), address.hostname)
  t.after(() => socket.destroy())
  const received: number[] = []
  for (const path of ['/orders/1', '/empty', '/nowhere']) {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`)
    let bytes = 0
    while (told.length <= received.length || bytes < (told.at(-1)?.bytes ?? 0)) {
      const [chunk] = await once(socket, 'data')
      assert.ok(Buffer.isBuffer(chunk))
      bytes += chunk.length
    }
    received.push(bytes)
  }
  assert.deepEqual(told, [
    { endpoint: '/orders/{id}', bytes: received[0] },
    { endpoint: '/empty', bytes: received[1] },
    { endpoint: 'other', bytes: received[2] },
  ])
  assert.ok(Number(received[0]) > 70_000 && Number(received[1]) < 300)
})

test('a request that came over no connection sent nothing', async () => {
  const told: number[] = []
  const server = Fastify()
  observeRequests(server, { answered: ({ bytes }) => told.push(bytes) })
  server.get('/', async () => 'x')
  await server.inject('/')
  assert.deepEqual(told, [0])
})
