import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSegmentName, segmentName } from '../wal/lsn.ts'
import { findHole } from './archived-wal.ts'
import { readVerification } from './verify-stanza.ts'

const bytes = 16 * 2 ** 20
const name = (timeline: number, number: number) => segmentName({ timeline, number: BigInt(number) }, bytes)
const run = (timeline: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => name(timeline, from + index))

test('a hole in the archive is the first segment that is missing from the backup on', () => {
  const whole = run(1, 3, 300)
  assert.equal(findHole(whole, name(1, 3), bytes, undefined), undefined)
  assert.equal(findHole(whole, name(1, 2), bytes, undefined), name(1, 2))
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 299 }), fc.integer({ min: 3, max: 300 }), (gone, from) => {
      const left = whole.filter((each) => each !== name(1, gone))
      assert.equal(findHole(left, name(1, from), bytes, undefined), from <= gone ? name(1, gone) : undefined)
    }),
  )
})

test('an end that was cut off is told by the newest mark', () => {
  const mark = { at: 0, segment: name(1, 9), walSegmentBytes: bytes }
  assert.equal(findHole(run(1, 3, 9), name(1, 3), bytes, mark), undefined)
  assert.equal(findHole(run(1, 3, 7), name(1, 3), bytes, mark), name(1, 8))
})

test('each timeline after that of the backup is followed on its own', () => {
  const both = [...run(1, 3, 6), ...run(2, 6, 9)]
  assert.equal(findHole(both, name(1, 3), bytes, undefined), undefined)
  const broken = both.filter((each) => each !== name(2, 7))
  assert.equal(findHole(broken, name(1, 3), bytes, undefined), name(2, 7))
  assert.equal(parseSegmentName(name(2, 7), bytes)?.timeline, 2)
})

test('what pgBackRest says of a verification is read line by line', () => {
  const text = `stanza: shop
status: error
  archiveId: 15-1, total WAL checked: 5, total valid WAL: 4
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
  backup: 20261122-063912F, status: invalid, total files checked: 964, total valid files: 963
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
  backup: 20261122-063912F_20261122-063917I, status: valid, total files checked: 964, total valid files: 964
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
`
  const counts = 'missing: 0, checksum invalid: 1, size invalid: 0, other: 0'
  assert.deepEqual(readVerification(text), [
    { of: 'archive', valid: false, says: `WAL is damaged, ${counts}` },
    { of: '20261122-063912F', valid: false, says: `its status is invalid, ${counts}` },
    { of: '20261122-063912F_20261122-063917I', valid: true, says: 'its status is valid' },
  ])
  assert.deepEqual(readVerification('stanza: shop\nstatus: error\n  No usable backup.info file\n'), [
    { of: 'archive', valid: false, says: 'No usable backup.info file' },
  ])
  assert.deepEqual(readVerification('stanza: shop\nstatus: ok\n'), [])
})
