import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from './binaries.ts'
import { externalServer } from './external.ts'
import { startServer } from './launch.ts'
import { temporaryPlace } from './place.ts'

/** What a server says to whoever comes while it recovers. */
function startingUp(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up'].map((field) => `${field}\0`)
  const content = Buffer.from(`${fields.join('')}\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeUInt32BE(content.length + 4, 1)
  return Buffer.concat([head, content])
}

test('a server that is still starting is waited for', { timeout: 60_000 }, async (t) => {
  const place = await temporaryPlace('aval-external')
  t.after(place.remove)
  const owned = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  t.after(() => owned.stop('immediate'))
  let refused = 0
  const sockets = new Set<Socket>()
  const door = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (refused < 3) {
      refused += 1
      socket.once('data', () => socket.end(startingUp()))
      return
    }
    const inside = connect(owned.port, '127.0.0.1')
    inside.on('error', () => socket.destroy())
    socket.pipe(inside).pipe(socket)
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    door.close()
  })
  const address = door.address()
  assert.ok(address !== null && typeof address === 'object')
  const url = new URL(owned.url())
  url.port = String(address.port)
  const server = await externalServer(url.href)
  assert.equal(refused, 3)
  assert.equal(server.major, owned.major)
})
