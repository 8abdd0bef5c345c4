import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { meantBackup } from './backup-id.ts'

const ids = ['20260203T040506Z-1a2b3c4d', '20260203T050506Z-2a2b3c4d', '20260204T040506Z-3a2b3c4d']

suite('the backup a person means', () => {
  test('is the one whose id begins so, when there is one alone', () => {
    assert.equal(meantBackup('20260204', ids), ids[2])
    assert.equal(meantBackup('20260203T05', ids), ids[1])
  })

  test('is listed with the others when several begin so', () => {
    assert.throws(() => meantBackup('20260203T0', ids), {
      code: 'BACKUP_AMBIGUOUS',
      message: /20260203T0.*: 20260203T040506Z-1a2b3c4d, 20260203T050506Z-2a2b3c4d/,
    })
  })

  test('is none for too short a beginning, the middle of an id, or what no backup is called', () => {
    for (const given of ['', '2026020', 'Z-3a2b3c4d', '20270101T000000Z-00000000']) {
      assert.throws(() => meantBackup(given, ids), { code: 'BACKUP_UNKNOWN' }, given)
    }
  })

  test('is always the one that is called so, though another id may begin with it', () => {
    const id = fc.stringMatching(/^2026[FID_]{4,12}$/)
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 20 }), fc.nat(), (all, at) => {
        const given = all[at % all.length] ?? ''
        assert.equal(meantBackup(given, all), given)
      }),
    )
  })
})
