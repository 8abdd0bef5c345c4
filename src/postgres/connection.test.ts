import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AvalError, failure } from '../errors.ts'
import { outageOf } from './connection.ts'

test('a connection that ends with its server is an outage of the server, everything else stays what it was', () => {
  const url = 'postgresql://somebody:hidden@127.0.0.1:5432/shop'
  const cut = [
    new Error('Connection terminated unexpectedly'),
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' }),
  ]
  for (const error of cut) {
    const told = outageOf(error, url)
    assert.ok(told instanceof AvalError && told.code === 'POSTGRES_UNREACHABLE')
    assert.match(told.message, /127\.0\.0\.1:5432\/shop/)
    assert.doesNotMatch(told.message, /hidden/)
  }
  const others = [
    new Error('a mistake'),
    failure('KEY_MISSING', { file: 'key' }),
    Object.assign(new Error('x'), { code: '58P01' }),
  ]
  for (const error of others) assert.equal(outageOf(error, url), error)
})
