import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { startChild } from '../../../../../src/process.ts'

const log = pathToFileURL(`${import.meta.dirname}/log.ts`).href

/** A process that logs, and logs again once it is told to end. */
const logging = {
  program: process.execPath,
  args: [
    '--input-type=module',
    '-e',
    `import { createLog } from '${log}'
     const log = createLog('api')
     const working = setInterval(() => log.info({ event: 'request' }), 10)
     process.on('SIGTERM', () => {
       log.info({ event: 'stopping' })
       clearInterval(working)
       log.info({ event: 'stopped' })
     })
     log.info({ event: 'listening' })`,
  ],
}

test('what is not ordinary is written at once, and everything before the end', async (t) => {
  const child = await startChild(logging)
  t.after(() => child.stop({ graceMs: 0 }))
  const chunks: string[] = []
  child.process.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
  while (!chunks.join('').includes('"listening"')) await once(child.process.stdout ?? child.process, 'data')
  const { code } = await child.stop()
  assert.equal(code, 0)
  const events = chunks.join('').match(/"event":"[a-z]+"/g)
  assert.deepEqual(events?.slice(-2), ['"event":"stopping"', '"event":"stopped"'])
})

test('a service whose log nobody reads any more goes on, and ends when it is told to', async (t) => {
  const child = await startChild(logging)
  t.after(() => child.stop({ graceMs: 0 }))
  await once(child.process.stdout ?? child.process, 'data')
  child.process.stdout?.destroy()
  // Killed for standing still, it would have no code.
  const { code, signal } = await child.stop({ graceMs: 5_000 })
  assert.deepEqual({ code, signal }, { code: 0, signal: null })
})
