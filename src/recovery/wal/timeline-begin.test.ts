import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import { makePlace } from '../cluster.fixture.ts'
import { timelineBegan } from './timeline-begin.ts'
import { newestLine, readInventory } from './wal-inventory.ts'

test('a standby that is promoted says when, and a timeline that began with its cluster does not', async (t) => {
  const place = await makePlace()
  t.after(() => place.remove())
  const server = await place.server()
  await server.stop()
  await writeFile(join(server.dataDirectory, 'standby.signal'), '')
  const standby = await place.server()
  const earliest = systemClock.now()
  await withClient(standby.url(), (client) => client.query('SELECT pg_promote()'))
  const latest = systemClock.now()
  const receiver = await place.receiver(standby)
  await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 20_000)

  const inventory = await readInventory(place.repository, 16_777_216)
  const present = newestLine(inventory).at(-1)
  assert.equal(present?.timeline, 2)
  const began = await timelineBegan(place.repository, inventory, present)
  assert.ok(began !== undefined && began >= earliest && began <= latest, `${earliest} ${began} ${latest}`)
  assert.equal(await timelineBegan(place.repository, inventory, { timeline: 1, start: 0n }), undefined)
})
