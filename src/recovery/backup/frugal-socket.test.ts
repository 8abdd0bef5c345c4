import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { suite, test } from 'node:test'
import { seededRandom } from '../../random.ts'
import { frugalSocket } from './frugal-socket.ts'

function message(length: number): Buffer {
  const bytes = Buffer.concat([Buffer.from('d0000'), randomBytes(length)])
  bytes.writeUInt32BE(4 + length, 1)
  return bytes
}

/** Sends the bytes in uneven writes; gives what the listeners saw, hashed, and whether each time the last message was whole. */
async function received(bytes: Buffer, seed: number): Promise<{ sum: string; wholes: number; given: number }> {
  const random = seededRandom(seed)
  const server = createServer(async (socket) => {
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random.int(200_000)
      const more = socket.write(bytes.subarray(at, at + length))
      at += length
      if (!more) await new Promise((resolve) => socket.once('drain', resolve))
    }
    socket.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const hash = createHash('sha256')
  let wholes = 0
  let given = 0
  const socket = frugalSocket()
  socket.on('data', (piece: Buffer) => {
    hash.update(piece)
    given += 1
    let at = 0
    while (at + 5 <= piece.length) at += 1 + piece.readUInt32BE(at + 1)
    if (at === piece.length) wholes += 1
  })
  socket.connect(address.port, '127.0.0.1')
  await new Promise((resolve) => socket.once('close', resolve))
  await new Promise((resolve) => server.close(resolve))
  return { sum: hash.digest('hex'), wholes, given }
}

const sumOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

suite('a socket that uses its memory again', () => {
  test('gives all bytes in order, always up to the end of a message', async () => {
    const random = seededRandom(1)
    const bytes = Buffer.concat(Array.from({ length: 400 }, () => message(random.int(33_000))))
    const { sum, wholes, given } = await received(bytes, 2)
    assert.equal(sum, sumOf(bytes))
    assert.ok(given > 10)
    assert.equal(wholes, given)
  })

  test('a message longer than its memory passes too, and all that follow', async () => {
    const bytes = Buffer.concat([message(10), message(1_500_000), message(20), message(30_000), message(700_000)])
    assert.equal((await received(bytes, 3)).sum, sumOf(bytes))
  })
})
