import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyncError } from '../request.ts'
import { crashOf } from './crash.ts'
import { userHash } from './user-hash.ts'

const root = 'file:///app/'
const user = '6f1c3b0e-9a52-4c6f-8d1e-0b7f3f5a2c11'
const context = {
  platform: 'ios',
  version: '1.0.0',
  userHash: userHash(new Uint8Array(32).fill(7), user),
  root,
} as const
const id = '0b7f3f5a-2c11-4c6f-8d1e-6f1c3b0e9a52'
const report = (thrown: unknown) => crashOf(thrown, 'crash', id, context)

function thrownIn(message: string, frames: string[], make = (text: string) => new Error(text)): Error {
  const error = make(message)
  error.stack = `Error: ${message}\n${frames.map((frame) => `    at ${frame}`).join('\n')}`
  return error
}

test('of an error its class, its code and the places in the app are told, and no other path', () => {
  const frames = [
    'takeMetformin (file:///app/sync/pull.ts:12:3)',
    'Object.<anonymous> (file:///home/ana/app/secret.ts:1:1)',
    'async file:///app/main.ts:8:1',
    'file:///app/Losartan 50mg.ts:1:1',
  ]
  assert.deepEqual(report(thrownIn('m', frames, (text) => new TypeError(text))), {
    id,
    kind: 'crash',
    class: 'TypeError',
    code: null,
    frames: ['sync/pull.ts:12:3', 'main.ts:8:1'],
    platform: 'ios',
    version: '1.0.0',
    user_hash: context.userHash,
  })
  assert.deepEqual(
    [report(new SyncError(504, 'TIMEOUT')).class, report(new SyncError(504, 'TIMEOUT')).code],
    ['SyncError', 'TIMEOUT'],
  )
  assert.equal(report(new SyncError(200, 'losartan 50 mg')).code, null, 'a code that a server made up')
})

test('what somebody named or added themselves is not told', () => {
  const error = Object.assign(new Error('losartan'), {
    name: 'Losartan',
    code: 'LOSARTAN',
    medicine: 'losartan',
    cause: 'losartan',
  })
  class LosartanError extends Error {}
  for (const thrown of [error, new LosartanError(), 'losartan', { losartan: 1 }, undefined]) {
    assert.doesNotMatch(JSON.stringify(report(thrown)), /losartan/i)
  }
})

test('nothing of a message is told, also when it looks like a frame or was changed later', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{6,12}$/),
      fc.boolean(),
      fc.string({ maxLength: 20 }),
      (word, later, around) => {
        const message = `${around}\n    at x (${root}${word}.ts:1:1)\n    at ${root}${word}/${word}.ts:500:1`
        const error = thrownIn(message, [`${root}main.ts:8:1`])
        if (later) error.message = 'another'
        const told = report(error)
        assert.ok(!JSON.stringify(told.frames).includes(word))
        assert.deepEqual(told.frames, later ? [] : ['main.ts:8:1'])
      },
    ),
  )
})

test('a user has one hash on all devices, which neither the id nor another key gives', () => {
  const [key, other] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)]
  assert.match(userHash(key, user), /^[0-9a-f]{32}$/)
  assert.equal(userHash(key, user), context.userHash)
  assert.notEqual(userHash(other, user), context.userHash)
  assert.notEqual(userHash(key, id), context.userHash)
})
