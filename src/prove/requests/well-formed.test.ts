import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { seededRandom } from '../../random.ts'
import { createDictionary } from './dictionary.ts'
import { jsonSchema } from './json-schema.ts'
import { createMarker, markerFinder } from './marker.ts'
import { wellFormed } from './well-formed.ts'

/** What services ask for: the usual kinds of members, each with bounds. */
const asked = z.strictObject({
  id: z.guid(),
  device: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  digest: z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
  number: z.string().regex(/^\+[1-9]\d{7,14}$/),
  code: z.string().regex(/^\d{6}$/),
  at: z.iso.datetime({ offset: true }).optional(),
  version: z.int().min(1).max(2_147_483_647),
  language: z.enum(['es', 'en']),
  note: z.string().min(3).max(20).nullable(),
  tags: z.array(z.string().max(10)).min(1).max(4),
  grant: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('code'), ticket: z.string().min(1).max(128) }),
    z.strictObject({ kind: z.literal('none') }),
  ]),
})
const schema = jsonSchema.parse(z.toJSONSchema(asked))

function make(seed: number) {
  const random = seededRandom(seed)
  const marker = createMarker(random.fork('marker'))
  const value = wellFormed(schema, '', { random, marker, dictionary: createDictionary() })
  return { value, marker }
}

test('property: what is made fits the schema it was made from', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const result = asked.safeParse(make(seed).value)
      assert.ok(result.success, result.error?.message ?? '')
    }),
  )
})

test('texts carry the marker wherever the pattern lets them', () => {
  const values = Array.from({ length: 40 }, (_, seed) => make(seed))
  const holding = values.filter(({ value, marker }) => markerFinder(marker)(JSON.stringify(value)) !== undefined)
  assert.ok(holding.length > 35, `${holding.length} of 40`)
  const numbers = values.filter(({ value, marker }) => JSON.stringify(value).includes(marker.digits))
  assert.ok(numbers.length > 20, `${numbers.length} of 40`)
})

test('the same seed makes the same', () => {
  assert.deepEqual(make(7), make(7))
  assert.notDeepEqual(make(7), make(8))
})

test('a value that the system knows under a name is used again where it fits', () => {
  const random = seededRandom(3)
  const dictionary = createDictionary()
  dictionary.learn({ page: { cursor: 'b3BhcXVl', limit: 900 } })
  const making = { random, marker: createMarker(random), dictionary }
  const cursors = Array.from({ length: 30 }, () => wellFormed({ type: 'string' }, 'cursor', making))
  assert.ok(cursors.includes('b3BhcXVl'))
  const limits = Array.from({ length: 30 }, () => wellFormed({ type: 'integer', maximum: 100 }, 'limit', making))
  assert.ok(!limits.includes(900))
})
