import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signalServer } from '../postgres/leftover.ts'
import { type Child, startChild } from '../process.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { pairFile } from '../run/pair-file.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const main = join(import.meta.dirname, 'main.ts')

const sections = {
  recovery: { standby: { synchronous: true, promoteAfter: '5m' } },
  probes: { database: { sql: 'SELECT 1', every: '200ms', timeout: '1s' } },
  alerts: {
    database_down: {
      when: 'probe_success{probe="database"} == 0',
      severity: 'high',
      notify: ['desk'],
      then: { failover: { after: '1s' } },
    },
    untidy: {
      when: 'probe_success{probe="database"} == 1',
      severity: 'low',
      notify: ['desk'],
      then: { rollback: { ifDeployedWithin: '1h' }, cleanUp: true, scale: true, renew: 'certificate' },
    },
  },
  incidents: {
    channels: { desk: { kind: 'console', reaches: 'the desk' } },
    actions: {
      cleanUp: {
        files: { exports: { in: 'exports', olderThan: '1d' } },
        rows: { drafts: { sql: "DELETE FROM items WHERE name LIKE 'draft-%'" } },
      },
      scale: { command: ['node', '-e', 'console.log(process.env.AVAL_ALERT, process.cwd())'] },
    },
  },
}

test('a night: a standby is made, the primary is lost, the watch tidies up and lets the standby take over, the old one comes back', async (t) => {
  const tiny = await tinyProject({}, sections)
  const { project } = tiny
  let up: Child | undefined
  let watch: Child | undefined
  let said = ''
  t.after(async () => {
    await watch?.stop({ signal: 'SIGINT', graceMs: 30_000 })
    await up?.stop({ signal: 'SIGINT', graceMs: 30_000 })
    await tiny.remove()
  })
  const begin = async () => {
    up = await startChild({ program: process.execPath, args: [main, 'up', 'tiny', '--no-watch'], cwd: tiny.directory })
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

  await mkdir(join(tiny.directory, 'exports'))
  const exported = join(tiny.directory, 'exports', 'old')
  await writeFile(exported, 'four')
  await utimes(exported, new Date(0), new Date(0))
  await ask('/items/draft-1', 'PUT')
  watch = await startChild({
    program: process.execPath,
    args: [main, 'watch', 'tiny', '--every', '200ms'],
    cwd: tiny.directory,
  })
  let seen = ''
  watch.process.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk
  })
  await until('the watch has tidied up', () => /renew for untidy/.test(seen))
  assert.match(seen, /rollback for untidy: withheld, no release is known/)
  assert.match(seen, /cleanUp for untidy: done, exports: 1 removed, 4B; drafts: 1 removed/)
  assert.match(seen, new RegExp(`scale \\| untidy ${tiny.directory}`))
  assert.match(seen, /scale for untidy: done/)
  assert.match(seen, /renew for untidy: by hand, the plan names no command for it/)
  assert.deepEqual([existsSync(exported), await ask('/items')], [false, ['before', 'seeded']])
  const old = (await pair())?.primary ?? ''
  await signalServer(old, 'SIGSTOP')
  await until('the watch has acted', () => /failover for database_down: (?!withheld)/.test(seen))
  assert.match(seen, /failover for database_down: done/, seen + said)
  assert.match(seen, /generation 2, timeline 2.*\n.*no acknowledged write is lost/)
  await watch.stop({ signal: 'SIGINT', graceMs: 30_000 })
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
