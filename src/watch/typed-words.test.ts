import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typedProblems } from './typed-words.ts'

test('a line about a system may be kept, with its figures, moments and versions', () => {
  for (const text of [
    'new database',
    'release 2.14.3 of 2026-02-03 04:05:06, incident 4711',
    'MySQL@8 is slow; error 57014 at 10.0.0.12:5432',
    'órdenes lentas en región 2',
  ])
    assert.deepEqual(typedProblems(text, 200), [], text)
})

test('an address by which somebody is found is refused, and so is what is empty, long or of several lines', () => {
  const problems: [string, RegExp][] = [
    ['ask ana.ruiz@example.org', /no e-mail address/],
    ['call +52 55 1234 5678', /no telephone number/],
    ['call (555) 123-4567', /no telephone number/],
    [' ', /1 to 200 characters/],
    ['x'.repeat(201), /1 to 200 characters/],
    ['two\nlines', /one line/],
  ]
  for (const [text, problem] of problems) assert.match(typedProblems(text, 200).join(), problem, text)
})
