import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { loadSystem } from '../project/load-system.ts'
import { readWalStatus } from '../recovery/wal/wal-status.ts'
import { writeKeyFile } from '../secrets/key-file.ts'
import { formatRing } from '../secrets/key-ring.ts'
import { formatLocked, lockRing } from '../secrets/locked-key.ts'
import { readPassphrase } from '../secrets/unlock.ts'
import { repositoryKeyFile, walStatusFile } from './archive.ts'
import { archiveTrouble } from './archive-trouble.ts'
import { startEnvironment } from './environment.ts'
import { type KeptArchive, keepArchive, withoutArchive } from './keep-archive.ts'
import { keptKeys, openKeyFile } from './kept-keys.ts'
import { developmentDirectory, writeRunState } from './run-state.ts'
import { tinyProject } from './tiny-system.fixture.ts'

test('an archive keeps the keys it opened, and one that cannot start is told, tried again, and told as over', {
  timeout: 120_000,
}, async (t) => {
  const tiny = await tinyProject({}, { recovery: { pointInTime: { window: '7d' } } })
  t.after(() => tiny.remove())
  const { project } = tiny
  const environment = await startEnvironment({
    system: await loadSystem(project, 'tiny'),
    directory: developmentDirectory(project, 'tiny'),
    environment: 'development',
    clock: systemClock,
    log: () => undefined,
  })
  t.after(() => environment.stop())
  writeRunState(project, environment)
  const lines: string[] = []
  let started = 0
  const file = repositoryKeyFile(project, 'tiny')
  const keep = () =>
    keepArchive({
      project,
      environment,
      clock: systemClock,
      keys: keptKeys(file),
      log: (line) => lines.push(line),
      onStarted: () => {
        started += 1
      },
    })
  const archives: KeptArchive[] = []
  t.after(async () => {
    for (const archive of archives) await archive.stop()
  })
  const until = async (what: string, condition: () => boolean | Promise<boolean>) => {
    const deadline = Date.now() + 30_000
    while (!(await condition())) {
      assert.ok(Date.now() < deadline, `${what}\n${lines.join('\n')}`)
      await systemClock.sleep(50)
    }
  }
  const says = () => archiveTrouble(project, 'tiny', systemClock)
  const status = () => readWalStatus(walStatusFile(project, 'tiny'))

  const first = await keep()
  archives.push(first)
  await until(
    'it streams, and nothing is to be said',
    async () => (await status())?.newestMoment !== null && !(await says()),
  )

  const ring = await openKeyFile(file, false)
  const passphraseFile = join(tiny.directory, 'passphrase.txt')
  await writeFile(passphraseFile, 'six random words in a row\n', { mode: 0o600 })
  const passphrase = await readPassphrase(passphraseFile)
  await writeKeyFile(file, formatLocked(await lockRing(ring, 'tiny', { passphrase, recipients: [] })))
  await first.restart()
  assert.deepEqual([first.trouble(), lines], [undefined, []], 'a key that is locked meanwhile ends nothing')
  await first.stop()

  const second = await keep()
  archives.push(second)
  assert.match(String(second.trouble()), /is locked/)
  assert.match(lines.join('\n'), /KEY_LOCKED[\s\S]*NOTHING IS STORED/)
  assert.equal((await status())?.trouble?.code, 'KEY_LOCKED')
  assert.match((await says()) ?? '', /^the archive has stored nothing since 2\S+: KEY_LOCKED, .* is locked/)
  assert.equal(started, 0)
  await writeKeyFile(file, formatRing(ring))
  await until('it starts once the key opens', () => started === 1)
  assert.equal(second.trouble(), undefined)
  assert.equal(lines.at(-1), 'archive | it stores again')
  await until('nothing is to be said any more', async () => (await says()) === undefined)
  await second.stop()
  assert.match((await says()) ?? '', /no receiver runs beside the system/)

  const left = await withoutArchive({ project, environment, clock: systemClock })
  assert.match(String(left.trouble()), /--without-archive/)
  assert.match((await says()) ?? '', /ARCHIVE_OFF/)
})
