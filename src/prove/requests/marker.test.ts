import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../random.ts'
import { createMarker, markerFinder } from './marker.ts'

const marker = createMarker(seededRandom(1))
const find = markerFinder(marker)

test('a marker is found however it is written', () => {
  const { text, digits } = marker
  assert.equal(find(`{"body":"${text}"}`), 'in clear')
  assert.equal(find(`called +1${digits}`), 'in clear')
  assert.equal(find(text.toUpperCase()), 'in capitals')
  assert.equal(find(Buffer.from(text).toString('hex')), 'in hexadecimal')
  assert.equal(find([...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('')), 'percent-encoded')
  for (const before of ['', 'a', 'ab', 'abc', 'abcd'])
    for (const after of ['', 'x', 'xy', 'xyz'])
      for (const encoding of ['base64', 'base64url'] as const)
        assert.equal(find(Buffer.from(before + text + after).toString(encoding)), 'in base64', `${before}_${after}`)
})

test('what holds none has none', () => {
  const other = createMarker(seededRandom(2))
  assert.equal(find(`${other.text} ${Buffer.from(other.text).toString('base64')} 1795376374985`), undefined)
})
