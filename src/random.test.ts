import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from './random.ts'

const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 })

function sequence(from: number, length = 20): number[] {
  const random = seededRandom(from)
  return Array.from({ length }, () => random.int(1_000_000))
}

test('the same seed gives the same run, another seed another', () => {
  fc.assert(
    fc.property(seed, (value) => {
      assert.deepEqual(sequence(value), sequence(value))
      assert.notDeepEqual(sequence(value), sequence(value + 1))
    }),
  )
})

test('the run of a seed is the same today as it was: a seed noted last year still repeats its failure', () => {
  assert.deepEqual(sequence(1, 5), [563671, 585111, 895907, 946399, 272342])
})

test('numbers stay within their bounds and reach all of them', () => {
  fc.assert(
    fc.property(seed, fc.integer({ min: 1, max: 6 }), (value, below) => {
      const random = seededRandom(value)
      const drawn = Array.from({ length: 200 }, () => random.int(below))
      assert.ok(drawn.every((number) => Number.isInteger(number) && number >= 0 && number < below))
      assert.equal(new Set(drawn).size, below)
      const next = random.next()
      assert.ok(next >= 0 && next < 1)
    }),
  )
})

test('numbers are spread evenly', () => {
  const random = seededRandom(42)
  const counts = new Array<number>(10).fill(0)
  for (let draw = 0; draw < 10_000; draw++) {
    const bucket = random.int(10)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join(' '))
})

test('bytes are as many as asked for', () => {
  assert.equal(seededRandom(1).bytes(33).length, 33)
  assert.ok(new Set(seededRandom(1).bytes(10_000)).size > 250)
})

test('one of a list is picked; of an empty list none can be', () => {
  const random = seededRandom(3)
  const picked = new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])))
  assert.deepEqual([...picked].sort(), ['a', 'b', 'c'])
  assert.throws(() => random.pick([]), RangeError)
})

test('forks are independent of each other and of how much was drawn before', () => {
  const drawn = seededRandom(7)
  drawn.int(5)
  const fork = (random = seededRandom(7), name = 'clients') => {
    const part = random.fork(name)
    return [part.int(1_000_000), part.int(1_000_000)]
  }
  assert.deepEqual(fork(), fork(drawn))
  assert.notDeepEqual(fork(seededRandom(7), 'clients'), fork(seededRandom(7), 'faults'))
  assert.notDeepEqual(fork(seededRandom(7)), fork(seededRandom(8)))
})
