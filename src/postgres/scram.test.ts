import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesVerifier, scramVerifier } from './scram.ts'

test('a verifier matches its own password and no other', () => {
  const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
  fc.assert(
    fc.property(ascii, ascii, (password, other) => {
      const stored = scramVerifier(password)
      assert.equal(matchesVerifier(stored, password), true)
      assert.equal(matchesVerifier(stored, other), password === other)
    }),
    { numRuns: 20 },
  )
})

test('the example of RFC 7677 gives the stored and server keys of its exchange', () => {
  // Password "pencil" with this salt and 4096 rounds; the keys follow from the RFC's proof and server signature.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  assert.equal(
    scramVerifier('pencil', salt),
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})

test('what is no verifier matches nothing', () => {
  for (const stored of [null, '', 'md5abc', 'SCRAM-SHA-256$', 'SCRAM-SHA-256$4096:AAAA$x:y']) {
    assert.equal(matchesVerifier(stored, 'x'), false)
  }
})
