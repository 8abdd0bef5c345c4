import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wholePattern } from './pattern.ts'

function fits(pattern: string, text: string): boolean {
  const expression = wholePattern(pattern)
  assert.ok(expression instanceof RegExp, pattern)
  return expression.test(text)
}

test('a pattern is held against the whole value', () => {
  assert.ok(fits('a|bc', 'bc'))
  assert.ok(!fits('a|bc', 'abc'))
  assert.ok(!fits('a', 'a\n'))
  assert.ok(!fits('.*', 'a\nb'))
  assert.ok(fits('', ''))
})

test('what only RE2 writes that way means the same here', () => {
  assert.ok(fits('(?i)get|POST', 'post'))
  assert.ok(fits('(?s).*', 'a\nb'))
  assert.ok(fits('[[:alpha:]]+[^[:digit:]]', 'abc'))
  assert.ok(fits('(?P<name>x)', 'x'))
  assert.ok(fits('a\\-b\\_c\\"\\/', 'a-b_c"/'))
  assert.ok(fits('\\\\-', '\\-'))
  assert.ok(fits('[a\\-c]+', 'a-c') && !fits('[a\\-c]', 'b'))
  assert.ok(!fits('\\s', '\u00a0'))
})

test('what RE2 does not have is refused', () => {
  for (const pattern of ['(?=a)b', '(?<!a)b', '(a)\\1', '(?<x>a)\\k<x>', '(', 'a**', '\\Qa\\E', '\\A']) {
    assert.ok(!(wholePattern(pattern) instanceof RegExp), pattern)
  }
})
