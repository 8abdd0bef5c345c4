import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AvalError, catalogue, describeError, failure, formatLocation, messageOf } from './errors.ts'

const source = import.meta.dirname

test('an error says what happened, where, and what to do next', () => {
  const error = failure('SYSTEM_NOT_FOUND', { name: 'shpo', known: 'bakery, shop', suggestion: 'Did you mean "shop"?' })
  assert.equal(
    describeError(error),
    'SYSTEM_NOT_FOUND: There is no system "shpo" here.\n  The systems are: bakery, shop. Did you mean "shop"?',
  )
  assert.equal(error.exit, 2)
})

test('its place stands on the first line', () => {
  const where = { file: 'plan.ts', line: 3, column: 7 }
  const text = describeError(failure('PLAN_THREW', { problem: 'no' }, { where }))
  assert.equal(text.split('\n', 1)[0], 'plan.ts:3:7')
})

test('a place is as exact as it is known', () => {
  assert.equal(formatLocation({ file: 'plan.ts' }), 'plan.ts')
  assert.equal(formatLocation({ file: 'plan.ts', line: 3 }), 'plan.ts:3')
})

test('a failure without a name is told without its stack, and kept as the cause', () => {
  const thrown = new RangeError('too far')
  const text = describeError(thrown)
  assert.match(text, /^UNEXPECTED: .*too far/)
  assert.doesNotMatch(text, /\n\s+at /)
  const error = failure('PLAN_THREW', { problem: 'x' }, { cause: thrown })
  assert.equal(error.cause, thrown)
  assert.doesNotMatch(describeError(error), /too far/)
})

test('whatever was thrown has a message', () => {
  assert.equal(messageOf(new Error('a')), 'a')
  assert.equal(messageOf('b'), 'b')
  assert.equal(messageOf(undefined), 'undefined')
})

test('a value that looks like a placeholder is not filled in again', () => {
  const error = failure('SYSTEM_NOT_FOUND', { name: '{known}', known: 'shop', suggestion: '' })
  assert.equal(error.message, 'There is no system "{known}" here.')
})

test('codes are upper case, and both texts are sentences', () => {
  for (const [code, { says, next, exit }] of Object.entries(catalogue)) {
    assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
    for (const text of [says, next]) {
      assert.match(text, /[.!?}]$/, `${code}: "${text}" ends`)
      assert.match(text, /^[A-Z`{"]/, `${code}: "${text}" begins`)
    }
    assert.ok(exit === 1 || exit === 2)
  }
})

test('every code of the catalogue is raised somewhere', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'errors.ts',
  )
  const text = files.map((name) => readFileSync(join(source, name), 'utf8')).join('\n')
  const unused = Object.keys(catalogue).filter((code) => code !== 'UNEXPECTED' && !text.includes(`'${code}'`))
  assert.deepEqual(unused, [])
})

// The compiler asks for exactly the parameters of a code. Without an error on the next line, `tsc` fails.
// @ts-expect-error a parameter is missing
assert.ok(failure('SYSTEM_NOT_FOUND', { name: 'shop' }) instanceof AvalError)
// @ts-expect-error no such code
assert.throws(() => failure('NO_SUCH_CODE', {}))
