import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { runToEnd } from '../process.ts'

const main = join(import.meta.dirname, 'main.ts')

test('a reader that has enough ends nothing and sees no stack', async () => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'prove', '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Closed before the first word is written.
  child.stdout.destroy()
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  const [code] = await once(child, 'close')
  assert.equal(told, '')
  assert.equal(code, 0)
})

test('a system that is not there is named as such by commands that need no plan, too', async () => {
  for (const args of [
    ['backup', 'create', 'med-time'],
    ['key', 'show', 'med-time'],
  ]) {
    const { code, stderr: told } = await runToEnd({
      program: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', main, ...args],
    })
    assert.equal(code, 2)
    assert.match(told, /SYSTEM_NOT_FOUND/)
    assert.match(told, /Did you mean "medtime"/)
  }
})
