import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AccountNews } from './account-news.ts'
import { initialMarks } from './mark-state.ts'
import { announce, digestOf, settle } from './pinned.ts'
import { takeNews } from './take-news.ts'

const [old, now, forged] = ['old', 'now', 'forged'].map((each) => digestOf(each))
assert.ok(old && now && forged)
const pinned = (digest: string) => ({ ...initialMarks, facts: settle({}, 'keys', digest) })

describe('what a sign-in learned', () => {
  test('is pinned where nobody has spoken of it: an account from before there were pins, or a first device', () => {
    const news: AccountNews = { shown: { keys: old, kdf: old, recovery: old } }
    const { marks, changed } = takeNews(initialMarks, news)
    assert.deepEqual([changed, marks.unpublished], [[], true])
    assert.deepEqual(takeNews(marks, { shown: { keys: forged, recovery: old } }).changed, ['keys'])
  })

  test('changes nothing where it is what the devices stand for, also while a change is announced', () => {
    const during = { ...initialMarks, facts: announce(settle({}, 'keys', old), 'keys', now) }
    for (const shown of [old, now]) {
      const { marks, changed } = takeNews(during, { shown: { keys: shown } })
      assert.deepEqual([changed, marks.facts, marks.unpublished], [[], during.facts, false])
    }
  })

  test('is told when it is something else, and what was pinned stays', () => {
    const { marks, changed } = takeNews(pinned(old), { shown: { keys: forged } })
    assert.deepEqual([changed, marks.facts], [['keys'], pinned(old).facts])
  })

  test('takes the place of what was pinned when this device made it, as after a recovery', () => {
    const { marks, changed } = takeNews(pinned(old), { shown: { keys: now }, made: { keys: now } })
    assert.deepEqual(changed, [])
    assert.deepEqual(takeNews(marks, { shown: { keys: old } }).changed, ['keys'])
    assert.equal(takeNews(marks, { shown: { keys: now }, made: { keys: now } }).marks.facts, marks.facts, 'once')
  })

  test('does not count as made here while the server shows something else: another device may have been faster', () => {
    const { marks, changed } = takeNews(pinned(now), { shown: { keys: now }, made: { keys: old } })
    assert.deepEqual([changed, marks.facts], [[], pinned(now).facts])
  })

  test('tells that a recovery code is of no use when the address had an account already', () => {
    const shown = { keys: old, recovery: old }
    assert.deepEqual(takeNews(initialMarks, { shown, made: { keys: now, recovery: now } }).changed, ['recovery'])
  })
})
