import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from './binaries.ts'
import { blindLog } from './blind-log.ts'
import { withClient } from './connection.ts'
import { startServer } from './launch.ts'
import { temporaryPlace } from './place.ts'

test('what a person sent never reaches the log, however it goes wrong and whatever the plan sets', async () => {
  const place = await temporaryPlace('aval-test')
  const planted = 'zz-planted-7f3a'
  const lines: string[] = []
  try {
    const server = await startServer({
      dataDirectory: join(place.path, 'data'),
      binaries: await findBinaries('embedded'),
      clock: systemClock,
      settings: {
        log_statement: 'all',
        log_min_duration_statement: 0,
        log_min_messages: 'debug1',
        log_connections: true,
      },
      log: (line) => lines.push(line),
    })
    try {
      const ways: [sql: string, values?: string[]][] = [
        [`SELECT '${planted}'::uuid`],
        ['SELECT $1::uuid', [planted]],
        ['SELECT $1::text', [planted]],
        [`SELEC '${planted}'`],
        ['CREATE TABLE unique_names (name text PRIMARY KEY CHECK (name <> $$x$$))'],
        ['INSERT INTO unique_names VALUES ($1)', [planted]],
        ['INSERT INTO unique_names VALUES ($1)', [planted]],
        [`DO $$ BEGIN RAISE LOG 'told ${planted}'; RAISE WARNING E'first\\n${planted}'; END $$`],
        [`SELECT E'one\\ntwo ${planted}'::int`],
        [`COPY unique_names FROM '/${planted}'`],
      ]
      for (const [sql, values] of ways) {
        await withClient(server.url(), (client) => client.query(sql, values ?? [])).catch(() => undefined)
      }
      const stranger = server.url({ user: planted, password: planted, database: planted })
      await withClient(stranger, async () => undefined).catch(() => undefined)
    } finally {
      await server.stop()
    }
  } finally {
    await place.remove()
  }
  assert.deepEqual(
    lines.filter((line) => line.includes('planted')),
    [],
  )
  assert.ok(lines.includes('ERROR 22P02 in a client backend'), 'the code of an error is told')
  assert.ok(lines.includes('ERROR 23505 in a client backend'))
  assert.ok(
    lines.some((line) => /^LOG: duration: [\d.]+ ms$/.test(line)),
    'durations are told without statements',
  )
  assert.ok(lines.some((line) => /^LOG: database system is ready to accept connections/.test(line)))
})

test('lines are put together again from the chunks they come in', () => {
  const lines: string[] = []
  const read = blindLog((line) => lines.push(line))
  for (const chunk of [
    '00000 post',
    'master [1] LOG:  ready\n22P02 client back',
    'end [2] ERROR:  bad "x"\n\tmore "x"\n',
    'plain\n',
  ]) {
    read(chunk)
  }
  assert.deepEqual(lines, ['LOG: ready', 'ERROR 22P02 in a client backend', 'plain'])
})

test('a server that starts does not tell of everybody who asks whether it is there', () => {
  const lines: string[] = []
  blindLog((line) => lines.push(line))('57P03 client backend [1] FATAL:  the database system is starting up\n')
  assert.deepEqual(lines, [])
})
