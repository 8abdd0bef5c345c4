import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHistory, type History } from './history.ts'
import { judgeHousehold } from './judge.ts'

const entry = '0f8e0b52-0000-4000-a000-000000000001'

const wrote = (history: History, text: string | undefined, device: string, over?: string) =>
  history.add({ text, entry, device, madeAt: 0 }, over === undefined ? [] : history.shown(entry, over))

/** What is said when all devices, also a new one, show this in the end. */
const charges = (history: History, text: string | undefined, onPhone = text) => {
  const showing = (shown: string | undefined) => new Map(shown === undefined ? [] : [[entry, shown]])
  const gadgets = [{ name: 'phone', seen: showing(onPhone) }]
  return judgeHousehold({ history, gadgets, fresh: showing(text) }).map(({ what }) => what)
}

describe('in the end', () => {
  test('what was written last over what came before is right, and nothing else is', () => {
    const history = createHistory()
    wrote(history, 'a', 'phone')
    wrote(history, 'b', 'tablet', 'a')
    assert.deepEqual(charges(history, 'b'), [])
    assert.match(charges(history, 'a').join(), /b of tablet.* is missing/)
    assert.match(charges(history, 'never').join(), /never was never written/)
    assert.match(charges(history, undefined).join(), /is missing/)
  })

  test('of two edits that did not know of each other one alone is a lost edit, until a person decided', () => {
    const history = createHistory()
    wrote(history, 'a', 'phone')
    wrote(history, 'b', 'phone', 'a')
    wrote(history, 'c', 'tablet', 'a')
    assert.match(charges(history, 'c').join(), /b of phone.* is missing; what is there, c, never knew of it/)
    history.decide(history.shown(entry, 'c'), history.shown(entry, 'b'))
    assert.deepEqual(charges(history, 'c'), [])
    assert.match(charges(history, 'b').join(), /c of tablet.* is missing/)
  })

  test('a text made of both takes the place of both', () => {
    const history = createHistory()
    wrote(history, 'b', 'phone')
    wrote(history, undefined, 'tablet')
    history.add({ text: 'both', entry, device: 'phone', madeAt: 0 }, [
      ...history.shown(entry, 'b'),
      ...history.shown(entry, undefined),
    ])
    assert.deepEqual(charges(history, 'both'), [])
  })

  test('what was deleted stays deleted', () => {
    const history = createHistory()
    wrote(history, 'a', 'phone')
    wrote(history, undefined, 'tablet', 'a')
    assert.deepEqual(charges(history, undefined), [])
    assert.match(charges(history, 'a').join(), /the deletion of tablet.* is missing/)
  })

  test('what only a lost device held may be gone, and may be there', () => {
    const history = createHistory()
    wrote(history, 'a', 'phone')
    wrote(history, 'b', 'tablet', 'a').excused = true
    assert.deepEqual(charges(history, 'a'), [])
    assert.deepEqual(charges(history, 'b'), [])
  })

  test('devices that differ are told apart', () => {
    const history = createHistory()
    wrote(history, 'a', 'phone')
    wrote(history, 'b', 'tablet', 'a')
    assert.match(charges(history, 'b', 'a').join(), /phone shows a where a new device shows b/)
  })
})
