import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { withClient } from '../postgres/connection.ts'
import { startServer } from '../postgres/launch.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'
import { serveRestored } from './serve-restored.ts'

suite('looking into a restored directory', { timeout: 60_000 }, () => {
  const inProject = async (work: (tiny: TinyProject) => Promise<void>) => {
    const tiny = await tinyProject({}, {})
    await work(tiny).finally(() => tiny.remove())
  }

  test('is possible until Ctrl-C, by a line that shows no password', () =>
    inProject(async ({ project }) => {
      const dataDirectory = join(project.root, 'restored')
      const binaries = await findBinaries('embedded')
      const made = await startServer({ dataDirectory, binaries, clock: systemClock })
      await made.waitUntilWritable()
      await withClient(made.url(), (client) => client.query('CREATE TABLE kept AS SELECT 7 AS seven'))
      await made.stop()

      const enough = new AbortController()
      const printed: string[] = []
      const told = Promise.withResolvers<void>()
      const served = serveRestored(
        { dataDirectory, binaries, database: 'postgres' },
        {
          clock: systemClock,
          signal: enough.signal,
          out: (text) => {
            printed.push(text)
            told.resolve()
          },
        },
      )
      await Promise.race([told.promise, served])
      const file = /PGSERVICEFILE='(\S+)' psql service=admin\n/.exec(printed[0] ?? '')?.[1] ?? assert.fail(printed[0])
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      const text = await readFile(file, 'utf8')
      const of = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? assert.fail(key)
      const url = `postgresql://${of('user')}:${of('password')}@${of('host')}:${of('port')}/${of('dbname')}`
      const seen = await withClient(url, (client) => client.query('SELECT seven FROM kept'))
      assert.deepEqual(seen.rows, [{ seven: 7 }])

      enough.abort()
      await served
      assert.ok(!printed.join('').includes(of('password')))
      assert.match(printed.join(''), /It is stopped again/)
      assert.equal(existsSync(file), false)
      await assert.rejects(withClient(url, (client) => client.query('SELECT')))
      await rm(dataDirectory, { recursive: true })
    }))

  test('is not for a directory that is not recovered, or is put in place, or a program that reads JSON', () =>
    inProject(async ({ directory }) => {
      for (const flags of [['--to', '/nowhere', '--files-only'], ['--to', '/nowhere', '--json'], ['--in-place']]) {
        const refused = await commandLine(directory, 'restore', 'tiny', '--at', 'latest', '--serve', ...flags)
        assert.deepEqual([refused.code, /--serve goes with --to alone/.test(refused.err)], [2, true], refused.err)
      }
    }))
})
