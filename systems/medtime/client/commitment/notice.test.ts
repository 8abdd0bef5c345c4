import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type WarningKind, warningText } from './notice.ts'

const kinds: Record<WarningKind, true> = {
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

test('each warning is told in Spanish and in English, in words of its own that fit a small screen', () => {
  const texts = Object.keys(kinds).flatMap((kind) =>
    isKind(kind) ? [warningText(kind, 'es'), warningText(kind, 'en')] : [],
  )
  assert.equal(new Set(texts).size, 2 * Object.keys(kinds).length)
  for (const text of texts) assert.ok(text.length > 60 && text.length < 240, text)
})

function isKind(text: string): text is WarningKind {
  return text in kinds
}
