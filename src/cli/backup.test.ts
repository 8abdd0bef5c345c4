import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock, timestamp } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import { startChild } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { parseLsn } from '../recovery/wal/lsn.ts'
import { repositoryDirectory, repositoryKeyFile, startArchive } from '../run/archive.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { freePort } from '../run/free-port.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { loadOrCreateKey } from '../secrets/repository-key.ts'
import { afterRestore } from './after-restore.ts'
import { commandLine } from './command-line.fixture.ts'

suite('aval backup and aval restore', { timeout: 120_000 }, () => {
  let tiny: TinyProject
  let environment: Environment | undefined
  let stopArchive = async () => {}
  before(async () => {
    tiny = await tinyProject({}, { recovery: { afterRestore: ["INSERT INTO items VALUES ('after the restore')"] } })
  })
  after(async () => {
    await stopArchive()
    await environment?.stop()
    await tiny.remove()
  })

  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)

  test('without a running server or a repository they say what to do, and make nothing', async () => {
    const create = await aval('backup', 'create', 'tiny')
    assert.equal(create.code, 1)
    assert.match(create.err, /BACKUP_NOTHING_RUNS.*\n.*aval up tiny/)
    const list = await aval('backup', 'list', 'tiny')
    assert.equal(list.code, 1)
    assert.match(list.err, /REPOSITORY_ABSENT/)
    const verify = await aval('backup', 'verify', '--all')
    assert.deepEqual([verify.code, verify.err.includes('no repository yet')], [0, true])
    await assert.rejects(readdir(tiny.project.state), /ENOENT/)
    await loadOrCreateKey(repositoryKeyFile(tiny.project, 'tiny'))
    assert.match((await aval('backup', 'list', 'tiny')).err, /REPOSITORY_ABSENT/)
    await assert.rejects(readdir(repositoryDirectory(tiny.project, 'tiny')), /ENOENT/)
  })

  test('what runs is backed up, listed, verified, destroyed and restored', async () => {
    const started = await startEnvironment({
      system: await loadSystem(tiny.project, 'tiny'),
      directory: developmentDirectory(tiny.project, 'tiny'),
      environment: 'development',
      clock: systemClock,
      log: () => {},
    })
    environment = started
    const archive = await startArchive({
      project: tiny.project,
      environment: started,
      clock: systemClock,
      log: () => {},
    })
    stopArchive = archive.stop
    writeRunState(tiny.project, started, repositoryDirectory(tiny.project, 'tiny'))

    const created = await aval('backup', 'create', 'tiny', '--label', 'first', '--json')
    assert.deepEqual([created.err, created.code], ['', 0])
    const [backup, ...others] = JSON.parse(created.out)
    assert.equal(others.length, 0)
    assert.equal(backup.label, 'first')
    await withClient(started.database.adminUrl, (client) => client.query("INSERT INTO items VALUES ('kept')"))
    const { at, lsn } = await archive.heartbeat()
    await systemClock.sleep(5)
    await withClient(started.database.adminUrl, (client) => client.query("INSERT INTO items VALUES ('too late')"))
    const { lsn: end } = await archive.heartbeat()
    assert.ok(lsn < end)
    await archive.waitUntilStored(end, 10_000)
    await archive.stop()
    await started.stopServices()
    await started.server.kill()
    removeRunState(tiny.project, 'tiny')

    const unruled = await aval('backup', 'create', 'tiny', '--rule', 'hourly')
    assert.equal(unruled.code, 2)
    assert.match(unruled.err, /USAGE: .* no backup "hourly"/)
    const list = await aval('backup', 'list', 'tiny')
    assert.match(
      list.out,
      new RegExp(
        `\\nBACKUP +AGE +KIND +RULE .*\\n${backup.id} +0 min +full +by hand .*"first"\\nAny moment from .* to .* can be restored`,
      ),
    )
    assert.deepEqual(JSON.parse((await aval('backup', 'list', '--all', '--json')).out), [backup])
    const verified = await aval('backup', 'verify', 'tiny')
    assert.equal(verified.code, 0, verified.out)
    assert.match(
      verified.out,
      /^tiny: sound; \d+ objects, .*, every byte read\.\n {2}backup .* sound\n {2}key [0-9a-f]{16} opens the newest backup/,
    )
    const old = await aval('backup', 'verify', 'tiny', '--newest-within', '1ms')
    assert.equal(old.code, 1)
    assert.match(old.out, /older than 1ms/)

    const to = join(tiny.project.root, 'restored')
    const restored = await aval(
      'restore',
      'tiny',
      '--at',
      timestamp(at),
      '--to',
      to,
      '--backup',
      backup.id.slice(0, 18),
      '--json',
    )
    assert.deepEqual([restored.err, restored.code], ['', 0])
    const [result] = JSON.parse(restored.out)
    assert.equal(result.backup, backup.id)
    assert.equal(result.recovered, true)
    assert.ok(parseLsn(result.endLsn) > 0n)
    assert.equal('walDirectory' in result, false, 'recovery removed it')
    const server = await startServer({
      dataDirectory: to,
      binaries: await findBinaries('embedded'),
      clock: systemClock,
    })
    try {
      const { rows } = await withClient(server.url({ database: 'tiny' }), (client) =>
        client.query('SELECT name FROM items ORDER BY name'),
      )
      assert.deepEqual(rows, [{ name: 'after the restore' }, { name: 'kept' }, { name: 'seeded' }])

      const over = await aval('restore', 'tiny', '--at', 'latest', '--to', to)
      assert.equal(over.code, 2)
      assert.match(over.err, /RESTORE_SERVER_RUNNING/)
    } finally {
      await server.stop()
    }
    await looksInto(to)
  })

  /** By the lines that a restore prints for a person. */
  async function looksInto(dataDirectory: string): Promise<void> {
    const binaries = await findBinaries('embedded')
    const text = afterRestore({
      system: 'tiny',
      database: 'tiny',
      dataDirectory,
      live: '/elsewhere',
      nowMs: 0,
      at: 'latest',
      paired: false,
      binaries,
      port: await freePort(),
    })
    const [, command = '', psql = ''] = text.split('\n')
    const child = await startChild({ program: 'sh', args: ['-c', `exec ${command.trim()}`] })
    try {
      const [, secret, host, port, user, database] =
        /cat (\S+)\) psql -h (\S+) -p (\d+) -U (\S+) (\S+)$/.exec(psql) ?? assert.fail(psql)
      const password = (await readFile(secret ?? '', 'utf8')).trim()
      const url = `postgresql://${user}:${password}@${host}:${port}/${database}`
      for (const deadline = Date.now() + 30_000; ; ) {
        const counted = await withClient(url, (client) => client.query('SELECT FROM items')).catch(() => undefined)
        if (counted?.rowCount === 3) break
        assert.ok(Date.now() < deadline, 'it can be looked into')
        await systemClock.sleep(50)
      }
    } finally {
      await child.stop({ signal: 'SIGINT', graceMs: 20_000 })
    }
  }

  test('what cannot be restored is refused as a mistake of the command line, and leaves nothing', async () => {
    const before = (await readdir(tiny.project.root)).sort()
    const to = join(tiny.project.root, 'refused')
    const cases = [
      { at: '2020-01-01T00:00:00Z', says: /RESTORE_OUTSIDE_WINDOW: .* from .* to / },
      { at: '2026-02-03 04:05:06', says: /MOMENT_WITHOUT_ZONE/ },
      { at: 'yesterday', says: /MOMENT_UNREADABLE/ },
      {
        at: 'latest',
        into: '/proc/refused',
        says: /RESTORE_PLACE_REFUSED: Nothing can be restored into \/proc\/refused: /,
      },
    ]
    for (const { at, into = to, says } of cases) {
      const refused = await aval('restore', 'tiny', '--at', at, '--to', into)
      assert.equal(refused.code, 2, at)
      assert.match(refused.err, says)
    }
    const full = await aval('restore', 'tiny', '--at', 'latest', '--to', tiny.directory)
    assert.equal(full.code, 2)
    assert.match(full.err, /RESTORE_NOT_EMPTY/)
    const wrong = join(tiny.project.root, 'wrong.key')
    await writeFile(wrong, `${'0'.repeat(64)}\n`, { mode: 0o600 })
    const key = await aval('restore', 'tiny', '--at', 'latest', '--to', to, '--key', wrong)
    assert.equal(key.code, 1)
    assert.match(key.err, /REPOSITORY_WRONG_KEY: .*wrong key/)
    assert.deepEqual((await readdir(tiny.project.root)).sort(), [...before, 'wrong.key'].sort())
  })

  test('a damaged byte is found, named, and told by the exit code', async () => {
    const directory = repositoryDirectory(tiny.project, 'tiny')
    const [id = ''] = await readdir(join(directory, 'backups'))
    const file = join(directory, 'backups', id, 'base.tar')
    const whole = await readFile(file)
    whole[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 1
    await writeFile(file, whole)
    const report = await aval('backup', 'verify', 'tiny', '--json')
    assert.equal(report.code, 1)
    const [parsed] = JSON.parse(report.out)
    assert.equal(parsed.sound, false)
    assert.deepEqual(parsed.backups, [{ id, sound: false }])
    assert.equal(parsed.problems[0].key, `backups/${id}/base.tar`)
    assert.equal(parsed.problems[0].kind, 'damaged')
  })
})
