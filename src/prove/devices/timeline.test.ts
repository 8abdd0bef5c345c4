import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createTimeline } from './timeline.ts'

test('events happen in the order of their moments, and of those of one moment in the order they were asked for', async () => {
  const timeline = createTimeline(0)
  const seen: string[] = []
  for (const [moment, name] of [
    [20, 'c'],
    [10, 'a'],
    [10, 'b'],
  ] as const)
    timeline.at(moment, () => void seen.push(`${name} at ${timeline.now()}`))
  await timeline.run(20)
  assert.deepEqual(seen, ['a at 10', 'b at 10'])
  assert.equal(timeline.now(), 20)
  await timeline.finish()
  assert.deepEqual(seen.at(-1), 'c at 20')
})

test('time stands still while a worker is at work, however long that takes on the machine', async () => {
  const timeline = createTimeline(0)
  const worker = timeline.worker()
  const seen: number[] = []
  timeline.at(5, () => {
    void worker.works(async () => {
      // Work of the thread pool, which no microtask waits for.
      const packed = await new Response(
        new Blob([gzipSync('x')]).stream().pipeThrough(new DecompressionStream('gzip')),
      ).text()
      assert.equal(packed, 'x')
      seen.push(timeline.now())
      await worker.waits(timeline.now() + 10, async () => undefined)
      seen.push(timeline.now())
    })
  })
  timeline.at(6, () => void seen.push(6))
  await timeline.finish()
  assert.deepEqual(seen, [5, 6, 15])
})

test('what fails while a worker waits fails for the worker', async () => {
  const timeline = createTimeline(0)
  const worker = timeline.worker()
  const work = worker.works(() =>
    worker.waits(1, async () => {
      throw new Error('nobody there')
    }),
  )
  const refused = assert.rejects(work, /nobody there/)
  await timeline.finish()
  await refused
})
