import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Child, startChild } from '../process.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { pairFile } from '../run/pair-file.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const main = join(import.meta.dirname, 'main.ts')

test('a restore takes the place of a primary that had been a standby, and the system runs on it', {
  timeout: 240_000,
}, async (t) => {
  const tiny = await tinyProject({}, { recovery: { pointInTime: { window: '7d' }, standby: { synchronous: false } } })
  const { project } = tiny
  const directory = developmentDirectory(project, 'tiny')
  let up: Child | undefined
  let said = ''
  t.after(async () => {
    await up?.stop({ signal: 'SIGINT', graceMs: 30_000 })
    await tiny.remove()
  })
  const launchUp = async () => {
    up = await startChild({ program: process.execPath, args: [main, 'up', 'tiny'], cwd: tiny.directory })
    up.process.stdout?.resume()
    up.process.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
    })
    return up
  }
  const begin = async () => {
    await launchUp()
    await until(`it runs\n${said}`, () => readRunState(project, 'tiny') !== undefined)
  }
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const sound = async (...argv: string[]) => {
    const { code, out, err } = await aval(...argv)
    assert.equal(code, 0, `${argv.join(' ')}\n${err}\n${said}`)
    return out
  }
  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    const address = readRunState(project, 'tiny')?.addresses['keeper']
    const answer = await fetch(`${address}${path}`, { method, headers: { connection: 'close' } })
    return answer.json()
  }

  await begin()
  await sound('backup', 'create', 'tiny')
  await sound('standby', 'create', 'tiny')
  await sound('standby', 'promote', 'tiny', '--planned')
  await until('it is written to', async () => (await ask('/items/kept', 'PUT').catch(() => 0)) === 1)
  const running = await aval('restore', 'tiny', '--at', 'latest', '--in-place')
  assert.equal(running.code, 1)
  assert.match(running.err, new RegExp(`ENVIRONMENT_IN_USE[^]*process ${up?.process.pid} `))

  up?.process.kill('SIGKILL')
  await up?.ended
  const pair = (await readPair(pairFile(directory))) ?? assert.fail('there is a pair')
  assert.match(pair.primary, /standby-database$/)
  const both = await aval('restore', 'tiny', '--at', 'latest', '--in-place', '--to', join(directory, 'x'))
  assert.equal(both.code, 2)

  const out = await sound('restore', 'tiny', '--at', 'latest', '--in-place')
  assert.match(out, /put aside: \S+standby-database\.lost-\d+T\d+Z/)
  assert.match(out, /aval standby create tiny/)
  assert.deepEqual([existsSync(pair.primary), existsSync(pair.standby)], [false, true])
  assert.equal(await readPair(pairFile(directory)), undefined)

  await begin()
  assert.deepEqual(await ask('/items'), ['kept', 'seeded'])
  assert.equal(await ask('/items/after', 'PUT'), 1)
  await sound('standby', 'create', 'tiny')
  await sound('backup', 'create', 'tiny')
  await up?.stop({ signal: 'SIGINT', graceMs: 30_000 })

  // A directory moved by hand over that of the standby is neither served nor overwritten.
  const again = (await readPair(pairFile(directory))) ?? assert.fail('there is a pair')
  await rename(again.standby, `${again.standby}.away`)
  await rename(again.primary, again.standby)
  const refused = await launchUp()
  await refused.ended
  assert.equal(refused.process.exitCode, 1)
  assert.match(said, /STANDBY_PAIR_DISAGREES/)
})

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
