import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followTroubles } from './troubles.ts'

test('the same trouble of a source is told once, another one too, and again after the source gave something', () => {
  const said: string[] = []
  const { ails, gives } = followTroubles({
    trouble: (what, error) => said.push(`${what}: ${String(error)}`),
    recovered: (what) => said.push(`${what} again`),
  })
  gives('api')
  ails('api', 'refused')
  ails('api', 'refused')
  ails('postgres', 'refused')
  ails('api', 'too slow')
  gives('api')
  gives('api')
  ails('api', 'too slow')
  assert.deepEqual(said, ['api: refused', 'postgres: refused', 'api: too slow', 'api again', 'api: too slow'])
})
