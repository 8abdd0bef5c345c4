import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seriesOf } from './series.ts'

const declared = new Map([
  ['method', ['GET', 'POST']],
  ['status', ['200', '404', 'other']],
  ['tier', ['free']],
])

function make() {
  const refused: string[] = []
  const series = seriesOf({
    labels: declared,
    make: () => ({ value: 0 }),
    unlisted: (label) => {
      throw new RangeError(label)
    },
    refuse: (_kind, name) => refused.push(name),
  })
  return { series, refused }
}

test('property: each combination of values has a cell of its own, and tells the labels it was found by', () => {
  const value = fc.constantFrom('GET', 'POST', '200', '404', 'free', 'other', '__proto__', '0')
  const told = fc.record({ method: value, status: value, tier: value }, { requiredKeys: [] })
  fc.assert(
    fc.property(fc.array(told, { maxLength: 40 }), (all) => {
      const { series, refused } = make()
      const expected = new Map<string, number>()
      let strange = 0
      for (const labels of all) {
        series.at(labels).value++
        const clean = [...declared].map(([name, values]) => {
          const given = Object.entries(labels).find(([label]) => label === name)?.[1]
          if (given !== undefined && given !== 'other' && !values.includes(given)) strange++
          return [name, given !== undefined && values.includes(given) ? given : 'other']
        })
        const key = JSON.stringify(Object.fromEntries(clean))
        expected.set(key, (expected.get(key) ?? 0) + 1)
      }
      assert.deepEqual(new Map(series.all().map(({ labels, cell }) => [JSON.stringify(labels), cell.value])), expected)
      assert.equal(refused.length, strange)
    }),
  )
})

test('a label that the metric does not have is refused, whichever others are there or missing', () => {
  const { series } = make()
  for (const labels of [
    { user: 'u' },
    { method: 'GET', status: '200', tier: 'free', user: 'u' },
    { tier: 'free', user: 'u' },
  ]) {
    assert.throws(() => series.at(labels), /user/)
  }
  assert.deepEqual(series.all(), [])
})
