import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notice } from './notice.ts'
import { warningText } from './notice.ts'

const kinds: Record<Notice['kind'], true> = {
  'server-restored': true,
  'trust-on-first-use': true,
  'data-tampered': true,
  'changes-withheld': true,
  'devices-split': true,
  'state-behind-mark': true,
  'restore-incomplete': true,
  'keys-replaced': true,
  'kdf-changed': true,
  'recovery-replaced': true,
  'caregiver-key-replaced': true,
}

test('each thing is told in Spanish and in English, in words of its own that fit a small screen', () => {
  const texts = Object.keys(kinds).flatMap((kind) =>
    isKind(kind) ? [warningText(kind, 'es'), warningText(kind, 'en')] : [],
  )
  assert.equal(new Set(texts).size, 2 * Object.keys(kinds).length)
  for (const text of texts) assert.ok(text.length > 60 && text.length < 240, text)
})

function isKind(text: string): text is Notice['kind'] {
  return text in kinds
}
