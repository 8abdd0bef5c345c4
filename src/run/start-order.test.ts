import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AvalError } from '../errors.ts'
import { dependents, inOrder, type Needs, startOrder } from './start-order.ts'

/** Graphs without circles: each name needs only earlier ones. */
const graphs = fc
  .array(fc.array(fc.nat({ max: 7 }), { maxLength: 4 }), { minLength: 1, maxLength: 8 })
  .map((lists) => new Map(lists.map((list, index) => [`s${index}`, list.filter((n) => n < index).map((n) => `s${n}`)])))
  .chain((needs) =>
    fc.shuffledSubarray([...needs], { minLength: needs.size }).map((entries): Needs => new Map(entries)),
  )

test('everything a service needs comes before it, and each service once', () => {
  fc.assert(
    fc.property(graphs, (needs) => {
      const order = startOrder(needs)
      assert.deepEqual([...order].sort(), [...needs.keys()].sort())
      for (const [name, needed] of needs) {
        for (const each of needed) assert.ok(order.indexOf(each) < order.indexOf(name))
      }
    }),
  )
})

test('what is needed but run by somebody else holds nothing up', () => {
  assert.deepEqual(startOrder(new Map([['api', ['database', 'mailer']]])), ['api'])
})

test('services that wait for each other are an error that shows the circle', () => {
  const needs = new Map([
    ['web', ['api']],
    ['api', ['cache']],
    ['cache', ['api']],
  ])
  assert.throws(
    () => startOrder(needs),
    (error) =>
      error instanceof AvalError &&
      error.code === 'SERVICES_IN_A_CIRCLE' &&
      error.message.includes('api -> cache -> api'),
  )
})

test('work begins as soon as what it waits for is done, and stops in the opposite order', async () => {
  await fc.assert(
    fc.asyncProperty(graphs, async (needs) => {
      const done = new Set<string>()
      await inOrder(needs, async (name) => {
        for (const each of needs.get(name) ?? []) assert.ok(done.has(each), `${name} began before ${each} was done`)
        await Promise.resolve()
        done.add(name)
      })
      await inOrder(dependents(needs), async (name) => {
        for (const [other, needed] of needs) if (needed.includes(name)) assert.ok(!done.has(other))
        await Promise.resolve()
        done.delete(name)
      })
      assert.equal(done.size, 0)
    }),
    { numRuns: 50 },
  )
})

test('independent services do not wait for each other', async () => {
  let waiting = 0
  const both = Promise.withResolvers<void>()
  await inOrder(
    new Map([
      ['a', []],
      ['b', []],
    ]),
    async () => {
      waiting += 1
      if (waiting === 2) both.resolve()
      await both.promise
    },
  )
  assert.equal(waiting, 2)
})

test('after a failure nothing new begins, and the first failure is the one thrown', async () => {
  const begun: string[] = []
  const needs = new Map([
    ['bad', []],
    ['slow', []],
    ['late', ['slow']],
  ])
  const failed = Promise.withResolvers<void>()
  await assert.rejects(
    inOrder(needs, async (name) => {
      begun.push(name)
      if (name === 'bad') {
        failed.resolve()
        throw new Error('first')
      }
      await failed.promise
      throw new Error('second')
    }),
    /first/,
  )
  assert.deepEqual(begun.sort(), ['bad', 'slow'])
})
