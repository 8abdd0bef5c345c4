import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { type Child, type Ending, processExists, startChild } from '../process.ts'
import { seededRandom } from '../random.ts'
import { createBackup } from '../recovery/backup/base-backup.ts'
import { listBackups } from '../recovery/repository/list-backups.ts'
import { finishRestore } from '../recovery/restore/finish-restore.ts'
import { restore } from '../recovery/restore/restore.ts'
import { parseLsn } from '../recovery/wal/lsn.ts'
import { readInventory, storedEnd } from '../recovery/wal/wal-inventory.ts'
import { openDevelopmentRepository, repositoryDirectory } from '../run/archive.ts'
import { psqlServiceFile } from '../run/psql-service.ts'
import { type RunState, readRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'

import { commandLine } from './command-line.fixture.ts'

const main = join(import.meta.dirname, 'main.ts')

/** A whole Aval that runs the tiny system. */
interface Up {
  child: Child
  out(): string
  err(): string
}

interface Bench {
  tiny: TinyProject
  up(...flags: string[]): Promise<Up>
  /** The state once it is up. */
  state(): Promise<RunState>
  ask(path: string, method?: string): Promise<unknown>
}

async function bench(t: TestContext, sections: Record<string, unknown> = {}): Promise<Bench> {
  const tiny = await tinyProject({}, sections)
  const started: Up[] = []
  t.after(async () => {
    for (const { child } of started) await child.stop({ signal: 'SIGINT', graceMs: 30_000 })
    await tiny.remove()
  })
  const state = async (): Promise<RunState> => {
    let found: RunState | undefined
    await until('it runs', () => {
      found = readRunState(tiny.project, 'tiny')
      return found !== undefined
    })
    assert.ok(found)
    return found
  }
  return {
    tiny,
    state,
    up: async (...flags) => {
      const child = await startChild({
        program: process.execPath,
        args: [main, 'up', 'tiny', ...flags],
        cwd: tiny.directory,
      })
      let out = ''
      let err = ''
      child.process.stdout?.on('data', (chunk: Buffer) => {
        out += chunk
      })
      child.process.stderr?.on('data', (chunk: Buffer) => {
        err += chunk
      })
      const up = { child, out: () => out, err: () => err }
      started.push(up)
      return up
    },
    ask: async (path, method = 'GET') => {
      const { addresses } = await state()
      const answer = await fetch(`${addresses['keeper']}${path}`, { method, headers: { connection: 'close' } })
      return answer.json()
    },
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await systemClock.sleep(25)
  }
}

/** The postmaster of a running system. */
function postmaster(tiny: TinyProject): number {
  const file = join(tiny.project.state, 'tiny', 'database', 'postmaster.pid')
  return Number(readFileSync(file, 'utf8').split('\n')[0])
}

const isGone = (pid: number) => !processExists(pid) || isZombie(pid)

/** Ended, its parent merely not having asked how: what the children of a killed process become in some containers. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function ctrlC({ child }: Up): Promise<Ending> {
  process.kill(child.pid, 'SIGINT')
  return child.ended
}

test('aval up runs a system until Ctrl-C, tells where it is, and leaves no process and no lock', async (t) => {
  const { tiny, up, state, ask } = await bench(t)
  const first = await up()
  const { addresses, ownerUrl, adminUrl, database } = await state()
  await until('it tells the addresses', () => first.out().includes('Ctrl-C'))
  assert.ok(first.out().includes(`keeper    ${addresses['keeper']}`), first.out())
  assert.match(first.err(), /^keeper \| keeper begins$/m)
  const password = decodeURIComponent(new URL(ownerUrl).password)
  assert.ok(password.length > 20 && !first.out().includes(password), 'no password on the screen')
  assert.equal(database, 'tiny')
  assert.equal(statSync(join(tiny.project.state, 'tiny', 'run.json')).mode & 0o777, 0o600)

  await t.test('the command it tells for the database shows no password to other accounts', async (looking) => {
    const services = psqlServiceFile(join(tiny.project.state, 'tiny'))
    assert.equal(statSync(services).mode & 0o777, 0o600)
    const command =
      first
        .out()
        .split('\n')
        .find((line) => line.includes('psql')) ?? ''
    assert.doesNotMatch(command, /postgresql:|\$\(/)
    if (spawnSync('psql', ['--version']).status !== 0) return looking.skip('psql is not installed')
    // The first word answers that it connects; the second is the whole command line as the kernel shows it to everybody.
    const shown = spawnSync('sh', ['-c', `${command.trim()} -X -At -c 'SELECT 1 + 1' -c '\\! cat /proc/$PPID/cmdline'`])
    assert.match(shown.stdout.toString(), /^2\n.*psql.*service=admin/, shown.stderr.toString())
    const roles = [ownerUrl, adminUrl].map((url) => decodeURIComponent(new URL(url).password))
    for (const secret of roles) assert.ok(secret !== '' && !shown.stdout.toString().includes(secret))
  })

  await until('it is watched', async () =>
    /^1 .*job="recovery"/m.test((await commandLine(tiny.directory, 'query', 'up')).out),
  )
  await until('it says so', async () => /watch \| every 15s: Postgres/.test(first.err()))

  await ask('/items/apple', 'PUT')
  const service = Number(await ask('/process'))
  const server = postmaster(tiny)

  const second = await up()
  assert.deepEqual(await second.child.ended, { code: 1, signal: null })
  assert.match(second.err(), new RegExp(`ENVIRONMENT_IN_USE: tiny already runs: process ${first.child.pid} has held`))

  assert.deepEqual(await ctrlC(first), { code: 0, signal: null })
  for (const pid of [service, server]) assert.ok(isGone(pid))
  assert.ok(!existsSync(join(tiny.project.state, 'tiny', 'run.json')))
  assert.ok(!existsSync(psqlServiceFile(join(tiny.project.state, 'tiny'))))
  assert.equal(readRunState(tiny.project, 'tiny'), undefined)

  const again = await up()
  assert.deepEqual(await ask('/items'), ['apple', 'seeded'])
  assert.deepEqual(await ctrlC(again), { code: 0, signal: null })
})

test('a service that crashes and a server that is killed come back while aval up runs', async (t) => {
  const { tiny, up, ask } = await bench(t)
  await up()
  await ask('/items/pear', 'PUT')
  const service = Number(await ask('/process'))
  await ask('/crash').catch(() => undefined)
  const back = () =>
    ask('/items').then(
      (items) => JSON.stringify(items) === '["pear","seeded"]',
      () => false,
    )
  await until('the service is back', back)
  assert.notEqual(await ask('/process'), service)

  const before = postmaster(tiny)
  process.kill(before, 'SIGKILL')
  await until(
    'another server runs',
    () => existsSync(join(tiny.project.state, 'tiny', 'database', 'postmaster.pid')) && postmaster(tiny) !== before,
  )
  await until('the service answers with the data again', back)
})

test('after kill -9 of Aval the next start ends what was left and has everything acknowledged', async (t) => {
  const { tiny, up, state, ask } = await bench(t)
  for (let round = 1; round <= 3; round++) {
    const running = await up()
    await state()
    await ask(`/items/round-${round}`, 'PUT')
    const service = Number(await ask('/process'))
    process.kill(running.child.pid, 'SIGKILL')
    await until('Aval is gone', () => isGone(running.child.pid))
    assert.ok(!isGone(service), 'the service outlived it')
    assert.equal(readRunState(tiny.project, 'tiny'), undefined, 'nobody takes the dead one for running')

    const next = await up()
    await state()
    assert.ok(isGone(service), 'the next start ended it')
    assert.match(next.err(), /keeper of the dead process was still running; ended it/)
    const kept = Array.from({ length: round }, (_, index) => `round-${index + 1}`)
    assert.deepEqual(await ask('/items'), [...kept, 'seeded'])
    assert.deepEqual(await ctrlC(next), { code: 0, signal: null })
  }
})

test('kill -9 at any moment of the start is recovered from, and leaves no process behind the next run', async (t) => {
  const { tiny, up, state, ask } = await bench(t)
  const seed = 20260103
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  for (let round = 0; round < 6; round++) {
    const { child, err } = await up()
    // From before the database is made to after the service is ready, told by how much was logged.
    const lines = random.int(12)
    const far = () => err().split('\n').length > lines || readRunState(tiny.project, 'tiny') !== undefined
    await until('it got that far', far)
    await systemClock.sleep(random.int(40))
    process.kill(child.pid, 'SIGKILL')
    await until('Aval is gone', () => isGone(child.pid))
  }
  const last = await up()
  await state()
  assert.deepEqual(await ask('/items'), ['seeded'], 'migrated and seeded once, whatever was interrupted')
  assert.deepEqual(await ctrlC(last), { code: 0, signal: null })
  assert.deepEqual(processesOf(tiny.directory), [])
})

/** Processes that run in a folder: the services of its system. Where there is no /proc, none is known. */
function processesOf(folder: string): string[] {
  const numbers = existsSync('/proc/self/cwd') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return numbers.filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder && readlinkSync(`/proc/${pid}/exe`) !== ''
    } catch {
      return false
    }
  })
}

test('a migration that is pending is preceded by the snapshot the plan wants, unless nothing is there to lose', async (t) => {
  const { tiny, up, state } = await bench(t, {
    recovery: { backups: { careful: { on: 'migration', keep: '90d' } } },
  })
  const first = await up()
  await state()
  await ctrlC(first)
  assert.match(first.err(), /no snapshot was taken: no table holds anything yet/)
  writeFileSync(join(tiny.directory, 'migrations', '20260102000000_more.sql'), 'CREATE TABLE more ();\n')
  const second = await up()
  await state()
  const taken = /snapshot (\S+) taken first \(careful\)[\s\S]*migration 20260102000000_more\.sql applied/.exec(
    second.err(),
  )
  assert.ok(taken, second.err())
  await ctrlC(second)
  const backups = await listBackups(await openDevelopmentRepository(tiny.project, 'tiny'))
  assert.deepEqual(
    backups.map(({ id, rule, label }) => ({ id, rule, label })),
    [{ id: taken[1], rule: 'careful', label: 'before 20260102000000_more.sql' }],
  )
})

test('with a locked key it starts only when told to, and then says to the last that nothing is kept', async (t) => {
  const { tiny, up, state } = await bench(t, { recovery: { pointInTime: { window: '1d' } } })
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const first = await up()
  await state()
  assert.deepEqual(await ctrlC(first), { code: 0, signal: null })
  writeFileSync(join(tiny.directory, 'passphrase.txt'), 'six random words in a row\n', { mode: 0o600 })
  assert.equal((await aval('key', 'lock', 'tiny', '--new-passphrase-file', 'passphrase.txt')).code, 0)

  const refused = await up()
  assert.deepEqual(await refused.child.ended, { code: 2, signal: null })
  assert.match(refused.err(), /--without-archive starts it all the same[\s\S]*KEY_LOCKED/)

  const running = await up('--without-archive')
  assert.equal((await state()).repository, undefined)
  await until('it tells all', () => running.out().endsWith('without --without-archive.\n'))
  assert.match(
    running.out(),
    /Ctrl-C ends it\.\nNO ARCHIVE: NOTHING THAT TINY WRITES NOW CAN BE RESTORED\.\nARCHIVE_OFF/,
  )
  const opened = ['--passphrase-file', 'passphrase.txt']
  const listed = await aval('backup', 'list', 'tiny', ...opened)
  assert.match(listed.err, /^tiny: the archive has stored nothing since 2\S+: ARCHIVE_OFF/)
  assert.doesNotMatch(listed.out, /the latest state/)
  const told = /the archive has stored nothing since/
  assert.match((await aval('backup', 'verify', 'tiny', ...opened)).err, told)
  const to = join(tiny.directory, 'restored')
  assert.match((await aval('restore', 'tiny', '--at', 'latest', '--to', to, ...opened)).err, told)
  assert.deepEqual(await ctrlC(running), { code: 0, signal: null })
})

test('Ctrl-C during the start ends it cleanly', async (t) => {
  const { tiny, up } = await bench(t)
  const starting = await up()
  await until('Postgres starts', () => starting.err().includes('postgres |'))
  assert.deepEqual(await ctrlC(starting), { code: 0, signal: null })
  assert.ok(!existsSync(join(tiny.project.state, 'tiny', 'database', 'postmaster.pid')))
})

test('what a running system acknowledged is restored after Aval was killed and its database lost', async (t) => {
  const { tiny, up, state, ask } = await bench(t, { recovery: { pointInTime: { window: '1d' } } })
  const running = await up()
  const { adminUrl, repository: place } = await state()
  assert.equal(place, repositoryDirectory(tiny.project, 'tiny'))
  const repository = await openDevelopmentRepository(tiny.project, 'tiny')
  await createBackup({ url: adminUrl, repository, clock: systemClock })
  await ask('/items/after-the-backup', 'PUT')
  const written = await withClient(adminUrl, async (client) => {
    const { rows } = await client.query('SELECT pg_current_wal_flush_lsn()::text AS lsn')
    return parseLsn(String(rows[0].lsn))
  })
  await until('the write is in the repository', async () => {
    const end = storedEnd(await readInventory(repository, 16 * 2 ** 20), 1)
    return end !== undefined && end >= written
  })
  process.kill(running.child.pid, 'SIGKILL')
  await until('Aval is gone', () => isGone(running.child.pid))

  const to = join(tiny.directory, 'restored')
  await restore({ repository, to, at: 'latest', clock: systemClock })
  const binaries = await findBinaries('embedded')
  const server = await finishRestore({
    dataDirectory: to,
    binaries,
    clock: systemClock,
    afterRestore: [],
    database: 'tiny',
    owner: 'tiny_owner',
  })
  try {
    const items = await withClient(server.url({ database: 'tiny' }), async (client) => {
      const { rows } = await client.query('SELECT name FROM items ORDER BY name')
      return rows.map((row) => row.name)
    })
    assert.deepEqual(items, ['after-the-backup', 'seeded'])
  } finally {
    await server.stop()
  }
  const next = await up()
  await state()
  assert.deepEqual(await ask('/items'), ['after-the-backup', 'seeded'], 'and the system itself goes on')
  assert.doesNotMatch(next.err(), /archive \|/)
})
