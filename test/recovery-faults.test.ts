import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { carryOutFaults, faultTable, withTable } from './recovery-faults/matrix.ts'

const file = resolve(import.meta.dirname, '../docs/recovery.md')

test('every damage is told as docs/recovery.md says, with what to do next, and changes nothing it should not', {
  timeout: 300_000,
}, async () => {
  const results = await carryOutFaults()
  assert.deepEqual(
    results.filter(({ troubles }) => troubles.length > 0).map(({ title, troubles }) => ({ title, troubles })),
    [],
  )
  const document = await readFile(file, 'utf8')
  const renewed = withTable(document, faultTable(results))
  // AVAL_UPDATE=1 writes what was seen; the difference is then looked at like any other.
  if (process.env['AVAL_UPDATE'] === '1') await writeFile(file, renewed)
  else assert.equal(document, renewed)
})
