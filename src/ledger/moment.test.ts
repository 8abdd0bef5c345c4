import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { exampleEvidence } from './evidence.fixture.ts'
import { openLedger } from './ledger.ts'
import { readMoment } from './moment.ts'

test('a ledger whose first record is written between the reading of its head and of its rows is read with its head', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'aval-moment-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const ledger = openLedger(directory, systemClock)
  t.after(() => ledger.close())
  let readings = 0
  const { head, rows } = readMoment(directory, () => {
    if (readings++ === 0) ledger.append(exampleEvidence({ id: 'first' }))
    return ledger.all().length
  })
  assert.equal(readings, 2)
  assert.equal(rows, 1)
  assert.ok(typeof head === 'object' && head.count === 1)
})
