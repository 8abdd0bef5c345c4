import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { systemdUnit, unitName } from './systemd-unit.ts'

const analyze = spawnSync('systemd-analyze', ['--version'])

suite('a systemd unit', () => {
  test('is one that systemd takes, whatever the folder is called', async (t) => {
    if (analyze.status !== 0) return t.skip('systemd-analyze is not installed')
    for (const folder of ['plain', 'with space', '100% "ours" $HOME']) {
      const directory = await mkdtemp(join(tmpdir(), 'aval-unit-'))
      t.after(() => rm(directory, { recursive: true, force: true }))
      const launcher = join(directory, folder)
      await writeFile(launcher, '#!/bin/sh\n')
      await chmod(launcher, 0o755)
      const unit = systemdUnit({
        system: 'shop',
        title: 'A shop, 100 %',
        launcher,
        project: directory,
        account: 'root',
        credentials: { passphrase: join(directory, 'passphrase.txt') },
      })
      const file = join(directory, unitName('shop'))
      await writeFile(file, unit)
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' })
      const ours = stderr.split('\n').filter((line) => line.includes('aval-shop'))
      assert.deepEqual([status, ours], [0, []], folder)
    }
  })

  test('of a user has no account, and starts with the session', () => {
    const unit = systemdUnit({
      system: 'shop',
      title: 'A shop',
      launcher: '/opt/aval',
      project: '/srv',
      account: undefined,
      credentials: {},
    })
    assert.doesNotMatch(unit, /^User=/m)
    assert.match(unit, /^WantedBy=default\.target$/m)
    assert.doesNotMatch(unit, /Credential/)
  })
})
