import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smokeOf } from './smoke-of.ts'

const fails = () => Promise.reject(new Error('a value of a row'))

test('every check is made in its order, whatever those before it found, and tells only what it may', async () => {
  const made: string[] = []
  const check = (name: string) => async () => void made.push(name)
  assert.deepEqual(await smokeOf({ one: check('one'), two: fails, three: check('three') }, () => 'no answer'), {
    passed: false,
    checks: [
      { name: 'one', passed: true },
      { name: 'two', passed: false, detail: 'no answer' },
      { name: 'three', passed: true },
    ],
  })
  assert.deepEqual(made, ['one', 'three'])
})

test('nothing is told where nothing may be, and all is well only where all passed', async () => {
  assert.deepEqual(await smokeOf({ one: fails }, () => undefined), {
    passed: false,
    checks: [{ name: 'one', passed: false }],
  })
  assert.equal((await smokeOf({ one: async () => undefined }, () => undefined)).passed, true)
})
