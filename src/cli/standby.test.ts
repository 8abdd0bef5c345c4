import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { serverProcesses } from '../postgres/server-processes.ts'
import { type Child, startChild } from '../process.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { pairFile } from '../run/pair-file.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const main = join(import.meta.dirname, 'main.ts')

test('a night: a standby is made, the primary is lost, the standby takes over, the old one comes back', async (t) => {
  const tiny = await tinyProject({}, { recovery: { standby: { synchronous: true, promoteAfter: '5m' } } })
  const { project } = tiny
  let up: Child | undefined
  let said = ''
  t.after(async () => {
    await up?.stop({ signal: 'SIGINT', graceMs: 30_000 })
    await tiny.remove()
  })
  const begin = async () => {
    up = await startChild({ program: process.execPath, args: [main, 'up', 'tiny'], cwd: tiny.directory })
    up.process.stdout?.resume()
    up.process.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
    })
    await until('it runs', () => readRunState(project, 'tiny') !== undefined)
  }
  const aval = (...argv: string[]) => commandLine(tiny.directory, 'standby', ...argv)
  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    const address = readRunState(project, 'tiny')?.addresses['keeper']
    const answer = await fetch(`${address}${path}`, { method, headers: { connection: 'close' } })
    return answer.json()
  }
  const pair = () => readPair(pairFile(developmentDirectory(project, 'tiny')))

  const absent = await aval('status', 'tiny')
  assert.deepEqual([absent.code, /STANDBY_ABSENT/.test(absent.err)], [2, true])
  await begin()
  const made = await aval('create', 'tiny')
  assert.equal(made.code, 0, made.err)
  assert.match(made.out, /Commits wait until it has them on disk/)
  const keeper = await ask('/process')
  await ask('/items/before', 'PUT')
  const status = await aval('status', 'tiny')
  assert.equal(status.code, 0, status.out + status.err)
  assert.match(status.out, /the standby follows, \d+ bytes behind/)
  const again = await aval('create', 'tiny')
  assert.match(again.err, /STANDBY_EXISTS/)
  const running = await aval('promote', 'tiny')
  assert.equal(running.code, 1)
  assert.match(running.err, /The primary answers/)

  const old = (await pair())?.primary ?? ''
  for (const { pid } of await serverProcesses(old)) process.kill(pid, 'SIGSTOP')
  const promoted = await aval('promote', 'tiny')
  assert.equal(promoted.code, 0, promoted.err + said)
  assert.match(promoted.out, /generation 2, timeline 2.*\n.*no acknowledged write is lost/)
  await until('the service reconnects by itself', async () => (await ask('/items/after', 'PUT').catch(() => 0)) === 1)
  assert.equal(await ask('/process'), keeper)
  const rejoined = await aval('rejoin', 'tiny', '--json')
  assert.equal(rejoined.code, 0, rejoined.err + said)
  assert.partialDeepStrictEqual(JSON.parse(rejoined.out), [{ system: 'tiny', action: 'rejoin', method: 'delta' }])

  // The machine is switched off; nothing runs. The standby is promoted by itself, and `up` starts what took over.
  up?.process.kill('SIGKILL')
  await up?.ended
  const gone = await aval('status', 'tiny')
  assert.equal(gone.code, 3)
  const alone = await aval('promote', 'tiny')
  assert.equal(alone.code, 0, alone.err)
  assert.match(alone.out, /generation 3/)
  assert.equal((await pair())?.primary, old)
  await begin()
  assert.deepEqual(await ask('/items'), ['after', 'before', 'seeded'])
})

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
