import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { specifyEngine } from './engine.fixture.ts'
import { nativeEngine } from './native-engine.ts'
import { openRepository } from './repository/repository.ts'
import { directoryStore } from './stores/directory-store.ts'

specifyEngine({ name: 'native', servers: 'embedded', skip: false, store: 'repository/backups' })

test('a differential backup is refused before anything is touched, with what to do instead', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'aval-native-'))
  t.after(() => rm(folder, { recursive: true }))
  const store = directoryStore(join(folder, 'repository'))
  const repository = await openRepository({ store, key: new Uint8Array(32).fill(1), system: 'shop' })
  const engine = nativeEngine({ repository, folder, clock: systemClock })
  const server = { major: 18, version: '18.4', url: () => 'postgresql://nobody@127.0.0.1:1/postgres' }
  await assert.rejects(engine.backup({ server, kind: 'differential' }), {
    code: 'BACKUP_KIND_UNSUPPORTED',
    message: /differential/,
  })
})
