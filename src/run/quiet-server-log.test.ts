import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietServerLog } from './quiet-server-log.ts'

test('checkpoints and restartpoints are not told', () => {
  const lines: string[] = []
  const log = quietServerLog((line) => lines.push(line), { now: () => 0 })
  for (const line of [
    'LOG: checkpoint starting: time',
    'LOG: checkpoint complete: wrote 44 buffers (0.3%), wrote 3 SLRU buffers; 0 WAL file(s) added',
    'LOG: restartpoint starting: time',
    'LOG: restartpoint complete: wrote 44 buffers (0.3%)',
    'LOG: recovery restart point at 0/3000060',
    'LOG: checkpoints are occurring too frequently (9 seconds apart)',
  ])
    log(line)
  assert.deepEqual(lines, ['LOG: checkpoints are occurring too frequently (9 seconds apart)'])
})

test('a loop is told a few times, then once a minute with how often, and nothing else is held back by it', () => {
  const lines: string[] = []
  let now = 0
  const log = quietServerLog((line) => lines.push(line), { now: () => now })
  const loop = (number: number) =>
    `FATAL: could not receive data from WAL stream: ERROR: requested WAL segment 00000001000000000000000${number % 9} has already been removed`
  for (let number = 0; number < 300; number++, now += 199) {
    log(loop(number))
    log('\tA further line of the same message.')
  }
  assert.equal(lines.length, 8)
  assert.match(lines.at(-2) ?? '', /again and again/)
  log('ERROR 23505 in a client backend')
  log('LOG: duration: 5.1 ms')
  log('LOG: duration: 5.2 ms')
  log('FATAL: terminating connection due to administrator command')
  assert.equal(lines.length, 12)
  now += 60_000
  log(loop(1))
  assert.match(lines.at(-1) ?? '', /\(and 297 more like it before\)$/)
})
