import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from './binaries.ts'
import { withClient } from './connection.ts'
import { startServer } from './launch.ts'
import { temporaryPlace } from './place.ts'

test('a server starts on an empty directory, keeps its data over a stop, and answers on 127.0.0.1 only', async () => {
  const place = await temporaryPlace('aval-test')
  const binaries = await findBinaries('embedded')
  const options = { dataDirectory: join(place.path, 'data'), binaries, clock: systemClock }
  try {
    const first = await startServer(options)
    await withClient(first.url(), (client) => client.query('CREATE TABLE kept AS SELECT 42 AS answer'))
    await first.stop()
    assert.equal(first.running(), false)

    const second = await startServer(options)
    try {
      const { rows } = await withClient(second.url(), (client) => client.query('SELECT answer FROM kept'))
      assert.deepEqual(rows, [{ answer: 42 }])
    } finally {
      await second.stop()
    }
  } finally {
    await place.remove()
  }
})
