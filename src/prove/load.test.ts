import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { seededRandom } from '../random.ts'
import type { Ack, Exercise } from './exercise.ts'
import { startLoad, untilWrites } from './load.ts'

/** An exercise whose steps answer as told; everything else is out of this test's reach. */
function steppingExercise(step: Exercise['step']): Exercise {
  const unused = () => {
    throw new Error('not part of a load')
  }
  return {
    step,
    actors: unused,
    perform: unused,
    readBack: unused,
    settle: unused,
    credentials: unused,
    paths: unused,
    behaviours: unused,
    mutations: unused,
    smoke: unused,
  }
}

const ack = (actor: string): Ack => ({
  id: actor,
  actor,
  operation: 'push',
  kind: 'write',
  sentAt: 1,
  acknowledgedAt: 2,
  token: null,
})

test('keeps every acknowledgement and every failure of all actors', async () => {
  let answered = 0
  const exercise = steppingExercise(async (actor) => {
    if (++answered % 3 === 0) throw new Error('refused')
    return ack(actor.id)
  })
  const load = startLoad({
    exercise,
    actors: [{ id: 'a' }, { id: 'b' }],
    random: seededRandom(1),
    clock: systemClock,
    restMs: 0,
  })
  await untilWrites(load, 30, systemClock, 10_000)
  await load.stop()
  assert.equal(load.acks.length + load.failures.length, answered)
  assert.deepEqual(new Set(load.acks.map((each) => each.actor)), new Set(['a', 'b']))
  assert.ok(load.failures.every((failure) => failure.reason === 'refused'))
})

test('is quiet once stopped: a running step ends first and still counts', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const exercise = steppingExercise(async (actor) => {
    await promise
    return ack(actor.id)
  })
  const load = startLoad({ exercise, actors: [{ id: 'a' }], random: seededRandom(1), clock: systemClock })
  const stopped = load.stop()
  resolve()
  await stopped
  assert.equal(load.acks.length, 1)
})

test('says why when nothing is ever acknowledged', async () => {
  const exercise = steppingExercise(async () => {
    throw new Error('connection refused')
  })
  const load = startLoad({ exercise, actors: [{ id: 'a' }], random: seededRandom(1), clock: systemClock, restMs: 1 })
  await assert.rejects(untilWrites(load, 1, systemClock, 50), /connection refused/)
  await load.stop()
})
