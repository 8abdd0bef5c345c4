import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedKdf, KdfRefused, usualKdf } from './kdf.ts'
import { passwordFaults } from './password-rules.ts'

test('a password has twelve characters, with upper case, lower case and a digit', () => {
  const cases: [string, string[]][] = [
    ['Twelve chars1', []],
    ['Ñandú Ágil 42', []],
    ['Short1', ['too-short']],
    ['no upper case 1', ['no-upper-case']],
    ['NO LOWER CASE 1', ['no-lower-case']],
    ['No digit at all', ['no-digit']],
    ['', ['too-short', 'no-upper-case', 'no-lower-case', 'no-digit']],
    ['Aa1👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', ['too-short']],
  ]
  for (const [password, faults] of cases) assert.deepEqual(passwordFaults(password), faults, password)
})

test('a stretching below that of new passwords is refused, and one no phone can do', () => {
  assert.deepEqual(checkedKdf(usualKdf), usualKdf)
  assert.deepEqual(checkedKdf({ ...usualKdf, memory_kib: 131_072 }).memory_kib, 131_072)
  for (const change of [
    { memory_kib: usualKdf.memory_kib - 1 },
    { iterations: usualKdf.iterations - 1 },
    { parallelism: 0 },
    { memory_kib: 4_194_304 },
    { iterations: 1_000 },
  ]) {
    assert.throws(() => checkedKdf({ ...usualKdf, ...change }), KdfRefused, JSON.stringify(change))
  }
})
