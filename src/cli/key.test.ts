import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { systemClock } from '../clock.ts'
import { createBackup } from '../recovery/backup/base-backup.ts'
import { makePlace, type Place } from '../recovery/cluster.fixture.ts'
import { openRepository } from '../recovery/repository/repository.ts'
import { directoryStore } from '../recovery/stores/directory-store.ts'
import { openDevelopmentRepository, repositoryDirectory, repositoryKeyFile } from '../run/archive.ts'
import { openKeyFile } from '../run/kept-keys.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine, interruptedCommandLine } from './command-line.fixture.ts'

suite('aval key', { timeout: 120_000 }, () => {
  let tiny: TinyProject
  let place: Place
  let url = () => ''
  const file = (name: string) => join(tiny.directory, name)
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const identities = { mine: '', escrow: '' }
  const recipients = { mine: '', escrow: '' }

  before(async () => {
    tiny = await tinyProject({}, {})
    place = await makePlace()
    for (const who of ['mine', 'escrow'] as const) {
      identities[who] = await generateIdentity()
      recipients[who] = await identityToRecipient(identities[who])
      await writeFile(file(`${who}.txt`), `# of this test\n${identities[who]}\n`, { mode: 0o600 })
    }
    await writeFile(file('passphrase.txt'), 'six random words in a row\n', { mode: 0o600 })
    const server = await place.server()
    url = () => server.url()
    const repository = await openDevelopmentRepository(tiny.project, 'tiny')
    await createBackup({ url: server.url(), repository, clock: systemClock })
  })
  after(async () => {
    await place.remove()
    await tiny.remove()
  })

  test('locks a key, and who is not named opens nothing', async () => {
    const before = await aval('backup', 'list', 'tiny')
    assert.equal(before.code, 0)
    const keyFile = repositoryKeyFile(tiny.project, 'tiny')
    const hex = (await readFile(keyFile, 'utf8')).trim()
    const locked = await aval(
      'key',
      'lock',
      'tiny',
      '--new-passphrase-file',
      'passphrase.txt',
      '--recipient',
      recipients.mine,
    )
    assert.deepEqual([locked.code, locked.err], [0, ''])
    assert.ok(!(await readFile(keyFile, 'utf8')).includes(hex))
    assert.equal((await stat(keyFile)).mode & 0o077, 0)

    const closed = await aval('backup', 'list', 'tiny')
    assert.equal(closed.code, 2)
    assert.match(closed.err, /KEY_LOCKED/)
    const stranger = await aval('backup', 'list', 'tiny', '--identity-file', 'escrow.txt')
    assert.match(stranger.err, /KEY_UNLOCK_FAILED/)
    // Its age may have grown by a minute.
    const unaged = ({ out }: { out: string }) => out.replace(/\d+ min /, '')
    for (const opener of [
      ['--passphrase-file', 'passphrase.txt'],
      ['--identity-file', 'mine.txt'],
    ]) {
      assert.equal(unaged(await aval('backup', 'list', 'tiny', ...opener)), unaged(before))
    }
  })

  test('is asked for what opens it before a service is made that nobody watches at its start', async () => {
    const unit = (...flags: string[]) => aval('service', 'install', 'tiny', '--print', ...flags)
    const without = await unit()
    assert.deepEqual([without.code, without.out], [2, ''])
    assert.match(without.err, /KEY_LOCKED[\s\S]*--passphrase-file/)
    assert.match((await unit('--identity-file', 'escrow.txt')).err, /KEY_UNLOCK_FAILED/)
    const opens = await unit('--passphrase-file', 'passphrase.txt')
    assert.deepEqual([opens.code, opens.err], [0, ''])
    assert.ok(opens.out.includes(`LoadCredential=passphrase:${file('passphrase.txt')}\n`))
  })

  test('replaces a key that is locked, for every holder, and writes no backup anew', async () => {
    const rotated = await aval('key', 'rotate', 'tiny', '--identity-file', 'mine.txt')
    assert.deepEqual([rotated.code, rotated.err], [0, ''])
    const shown = JSON.parse((await aval('key', 'show', 'tiny', '--json')).out)
    assert.equal(shown[0].keys.length, 2)
    const verified = await aval('backup', 'verify', 'tiny', '--passphrase-file', 'passphrase.txt')
    assert.deepEqual([verified.code, verified.err], [0, ''])
  })

  test('makes an escrow copy, and restores with it alone', async () => {
    const args = ['--recipient', recipients.escrow, '--identity-file', 'mine.txt']
    const beside = join(repositoryDirectory(tiny.project, 'tiny'), 'escrow.age')
    assert.match((await aval('key', 'escrow', 'tiny', '--to', beside, ...args)).err, /KEY_BESIDE_BACKUPS/)
    const made = await aval('key', 'escrow', 'tiny', '--to', 'copy.age', ...args)
    assert.deepEqual([made.code, made.err], [0, ''])
    assert.match((await aval('key', 'escrow', 'tiny', '--to', 'copy.age', ...args)).err, /KEY_ESCROW_EXISTS/)

    const nowhere = await aval('key', 'rehearse', 'tiny', '--copy', 'cpoy.age', '--identity-file', 'escrow.txt')
    assert.deepEqual([nowhere.code, nowhere.err.includes('KEY_COPY_MISSING')], [2, true])
    const wrong = await aval('key', 'rehearse', 'tiny', '--copy', 'copy.age', '--identity-file', 'mine.txt')
    assert.deepEqual([wrong.code, wrong.err.includes('KEY_UNLOCK_FAILED')], [1, true])
    const done = await aval('key', 'rehearse', 'tiny', '--copy', 'copy.age', '--identity-file', 'escrow.txt', '--json')
    assert.deepEqual([done.code, done.err], [0, ''])
    assert.ok(JSON.parse(done.out)[0].databases >= 2)
    assert.match((await aval('key', 'show', 'tiny')).out, /copy\.age of .*rehearsed 2/)
  })

  test('says when a copy lacks the present key', async () => {
    await aval('key', 'rotate', 'tiny', '--identity-file', 'mine.txt')
    assert.match((await aval('key', 'show', 'tiny')).out, /LACKS the present key/)

    const former = JSON.parse((await aval('backup', 'list', 'tiny', '--identity-file', 'mine.txt', '--json')).out)[0].id
    const key = await openKeyFile(repositoryKeyFile(tiny.project, 'tiny'), false, { identityFile: file('mine.txt') })
    const store = directoryStore(repositoryDirectory(tiny.project, 'tiny'))
    const repository = await openRepository({ store, key, system: 'tiny' })
    await createBackup({ url: url(), repository, clock: systemClock })

    const old = ['--key', 'copy.age', '--identity-file', 'escrow.txt']
    const told = new RegExp(`OBJECT_OTHER_KEY: .* does not hold[\\s\\S]*--at backup --backup ${former}`)
    const rehearsed = await aval('key', 'rehearse', 'tiny', '--copy', 'copy.age', '--identity-file', 'escrow.txt')
    assert.deepEqual([rehearsed.code, told.test(rehearsed.err)], [1, true], rehearsed.err)
    const refused = await aval('restore', 'tiny', '--at', 'latest', '--to', place.path('refused'), ...old)
    assert.deepEqual([refused.code, told.test(refused.err)], [1, true], refused.err)
    const verified = await aval('backup', 'verify', 'tiny', ...old)
    assert.equal(verified.code, 1)
    assert.match(verified.out, /not judged, since \d+ objects were sealed with a key that this key file does not hold/)
    assert.doesNotMatch(verified.out, /damaged {2}|missing {2}|not sound;/)
    const asMade = ['--at', 'backup', '--backup', former, '--files-only']
    const restored = await aval('restore', 'tiny', ...asMade, '--to', place.path('former'), ...old)
    assert.deepEqual([restored.code, restored.err], [0, ''])
  })

  test('a command that Ctrl-C ends says what is left of it', async () => {
    const opens = ['--identity-file', 'mine.txt']
    const interrupted = (...argv: string[]) => interruptedCommandLine(tiny.directory, ...argv, ...opens)
    const restored = await interrupted('restore', 'tiny', '--at', 'latest', '--to', place.path('never'))
    assert.deepEqual([restored.code, restored.out], [130, ''])
    assert.match(restored.err, /^Stopped\. What was written was removed again/)
    assert.ok(!existsSync(place.path('never')))
    const verified = await interrupted('backup', 'verify', 'tiny')
    assert.deepEqual([verified.code, verified.out], [130, ''])
    assert.match(verified.err, /^Stopped\. Nothing was changed/)
  })

  test('shows no key, whatever is asked', async () => {
    const hex = /[0-9a-f]{64}|AGE-SECRET-KEY/
    for (const flags of [[], ['--json']]) assert.doesNotMatch((await aval('key', 'show', 'tiny', ...flags)).out, hex)
  })
})
