import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  closeInvites,
  emptyFamilyState,
  endLinks,
  type FamilyState,
  familyState,
  generationsOf,
  mergeFamilyStates,
  withInvite,
} from './state.ts'

const bytes = fc.constantFrom('AAAA', 'BBBB', 'CCCC')
const name = fc.constantFrom('one', 'two', 'three')
const names = fc.uniqueArray(fc.constantFrom('medication', 'dose'), { maxLength: 2 })
const user = fc.constantFrom('carla', 'berta')
const answer = fc.option(fc.record({ user, publicKey: bytes, nonce: bytes }), { nil: null })
const days = fc.option(fc.integer({ min: 1, max: 9 }), { nil: null })

const state: fc.Arbitrary<FamilyState> = fc.record({
  invites: fc.dictionary(
    name,
    fc.record({ secret: bytes, nonce: bytes, entityTypes: names, accessDays: days, answer, closed: fc.boolean() }),
  ),
  given: fc.dictionary(
    name,
    fc.record({ user, publicKey: bytes, entityTypes: names, collections: names, until: days, ended: fc.boolean() }),
  ),
  taken: fc.dictionary(
    name,
    fc.record({
      user,
      nonce: bytes,
      commitment: bytes,
      publicKey: fc.option(bytes, { nil: null }),
      ended: fc.boolean(),
    }),
  ),
})

const plain = (value: FamilyState): unknown => JSON.parse(JSON.stringify(value))

test('devices that heard of the same come to the same, in whatever order and however often', () => {
  fc.assert(
    fc.property(state, state, state, (a, b, c) => {
      const merged = mergeFamilyStates(a, b)
      assert.deepEqual(plain(mergeFamilyStates(b, a)), plain(merged))
      assert.deepEqual(plain(mergeFamilyStates(merged, merged)), plain(merged))
      assert.deepEqual(plain(mergeFamilyStates(merged, a)), plain(merged))
      assert.deepEqual(plain(mergeFamilyStates(merged, c)), plain(mergeFamilyStates(a, mergeFamilyStates(b, c))))
      assert.ok(familyState.safeParse(merged).success)
    }),
  )
})

test('what ended stays ended, what was closed stays closed, and no key comes back', () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      const merged = mergeFamilyStates(a, b)
      for (const [invite, { ended }] of [...Object.entries(a.given), ...Object.entries(b.given)]) {
        if (ended) assert.equal(merged.given[invite]?.ended, true)
      }
      for (const [invite, { closed }] of Object.entries(a.invites)) {
        if (closed) assert.equal(merged.invites[invite]?.closed, true)
      }
    }),
  )
})

const given = (who: string, ended = false) => ({
  user: who,
  publicKey: 'AAAA',
  entityTypes: ['dose'],
  collections: ['dose', 'dose'],
  until: null,
  ended,
})

test('two links that two devices end at once replace a key twice', () => {
  const both: FamilyState = { ...emptyFamilyState, given: { one: given('carla'), two: given('berta') } }
  const [phone, tablet] = [endLinks(both, (invite) => invite === 'one'), endLinks(both, (invite) => invite === 'two')]
  assert.deepEqual([...generationsOf(phone)], [['dose', 1]])
  assert.deepEqual([...generationsOf(tablet)], [['dose', 1]])
  assert.deepEqual([...generationsOf(mergeFamilyStates(phone, tablet))], [['dose', 2]])
})

test('one link with two keys, as two devices were told, is none', () => {
  const [a, b] = [given('carla'), { ...given('carla'), publicKey: 'BBBB' }]
  const merged = mergeFamilyStates(
    { ...emptyFamilyState, given: { one: a } },
    { ...emptyFamilyState, given: { one: b } },
  )
  assert.equal(merged.given['one']?.ended, true)
})

test('an invite is bound to one answer', () => {
  const invite = { secret: 'AAAA', nonce: 'AAAA', entityTypes: ['dose'], accessDays: null, answer: null, closed: false }
  const answerOf = (publicKey: string) => ({ user: 'carla', publicKey, nonce: 'AAAA' })
  const open: FamilyState = { ...emptyFamilyState, invites: { one: invite } }
  const bound = (publicKey: string, state = open) =>
    withInvite(state, 'one', (known) => ({ ...known, answer: answerOf(publicKey) }))
  assert.deepEqual(bound('BBBB', bound('AAAA')), bound('AAAA'))
  assert.equal(mergeFamilyStates(bound('AAAA'), bound('BBBB')).invites['one']?.closed, true)
  assert.equal(closeInvites(bound('AAAA'), () => true).invites['one']?.closed, true)
})
