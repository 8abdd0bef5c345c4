import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { type Child, startChild } from '../process.ts'
import { lockDirectory } from './owner-lock.ts'

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aval-lock-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A process that tries to take the directory, says whether it did, and stays until it is ended. */
async function contender(t: TestContext, directory: string): Promise<{ child: Child; said: string }> {
  const url = (name: string) => pathToFileURL(join(import.meta.dirname, name)).href
  const child = await startChild({
    program: process.execPath,
    args: [
      '--input-type=module',
      '-e',
      `import { lockDirectory } from '${url('owner-lock.ts')}'
       import { systemClock } from '${url('../clock.ts')}'
       try {
         const lock = lockDirectory(${JSON.stringify(directory)}, 'shop', systemClock)
         console.log(lock.tookOver ? 'took over' : 'taken')
       } catch (error) { console.log(error.code) }
       setInterval(() => {}, 1000)`,
    ],
  })
  t.after(() => child.stop())
  const said = await new Promise<string>((resolve) => {
    child.process.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
  })
  return { child, said }
}

test('one owner at a time; the second is told who has it and where', (t) => {
  const directory = place(t)
  const lock = lockDirectory(directory, 'shop', systemClock)
  assert.throws(
    () => lockDirectory(directory, 'shop', systemClock),
    (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'ENVIRONMENT_IN_USE')
      assert.ok(error.message.includes(`process ${process.pid}`))
      assert.ok(error.message.includes(directory))
      return true
    },
  )
  lock.release()
  const next = lockDirectory(directory, 'shop', systemClock)
  assert.equal(next.tookOver, false)
  next.release()
})

test('a directory whose owner was killed is taken over', async (t) => {
  const directory = place(t)
  const { child, said } = await contender(t, directory)
  assert.equal(said, 'taken')
  child.signal('SIGKILL')
  await child.ended
  const lock = lockDirectory(directory, 'shop', systemClock)
  assert.equal(lock.tookOver, true)
  lock.release()
})

test('of several that find a dead owner at once exactly one takes over', async (t) => {
  const directory = place(t)
  const { child } = await contender(t, directory)
  child.signal('SIGKILL')
  await child.ended
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => contender(t, directory)))
  assert.deepEqual(outcomes.map(({ said }) => said).sort(), [
    'ENVIRONMENT_IN_USE',
    'ENVIRONMENT_IN_USE',
    'ENVIRONMENT_IN_USE',
    'took over',
  ])
})

test('letting go twice does not put out whoever came after', (t) => {
  const directory = place(t)
  const lock = lockDirectory(directory, 'shop', systemClock)
  lock.release()
  lock.release()
  lockDirectory(directory, 'shop', systemClock).release()
})
