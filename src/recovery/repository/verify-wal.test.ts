import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BackupInfo } from '../backup/backup-info.ts'
import type { Piece, WalInventory } from '../wal/wal-inventory.ts'
import { findHoles } from './verify-wal.ts'

const segmentBytes = 1_000
/** A backup whose WAL begins and ends in segment 1. */
const backup: Pick<BackupInfo, 'id' | 'timeline' | 'startLsn' | 'stopLsn'> = {
  id: 'b',
  timeline: 1,
  startLsn: '0/3E8',
  stopLsn: '0/44C',
}

function inventoryOf(pieces: readonly Piece[]): WalInventory {
  const segment = { timeline: 1, number: 1n }
  return {
    segmentBytes,
    timelines: new Map([[1, new Map([[1n, { segment, whole: undefined, pieces: [...pieces] }]])]]),
    histories: new Map(),
  }
}

const cuts = fc.uniqueArray(fc.integer({ min: 1, max: segmentBytes - 1 }), { minLength: 3, maxLength: 12 })
const piecesAt = (ends: readonly number[]): Piece[] =>
  [...ends].sort((a, b) => a - b).map((to, index, all) => ({ key: `piece-${index}`, from: all[index - 1] ?? 0, to }))
const holesIn = (pieces: readonly Piece[]) => findHoles(inventoryOf(pieces), [backup], [])

test('pieces that follow one another have no hole', () => {
  fc.assert(fc.property(cuts, (ends) => assert.deepEqual(holesIn(piecesAt(ends)), [])))
})

test('any piece taken from before the last one leaves a hole, in the newest segment as well', () => {
  fc.assert(
    fc.property(cuts, fc.nat(), (ends, pick) => {
      const pieces = piecesAt(ends)
      const victim = pick % (pieces.length - 1)
      const holes = holesIn(pieces.filter((_, index) => index !== victim))
      assert.deepEqual(
        holes.map(({ backups }) => backups),
        [['b']],
      )
    }),
  )
})
