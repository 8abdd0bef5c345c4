import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { probeStore } from './capabilities.ts'
import { directoryStore } from './directory-store.ts'
import type { ByteStream, Store } from './store.ts'
import { keepsTheContract, keysOf, text } from './store-contract.fixture.ts'

suite('a store in a directory', () => {
  let directory = ''
  let store: Store
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aval-store-'))
    store = directoryStore(join(directory, 'made', 'when', 'needed'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  keepsTheContract(() => store)

  test('leaves nothing of an object whose source failed, and lists nothing that is unfinished', async () => {
    async function* failing(): ByteStream {
      yield Buffer.from('some bytes')
      throw new Error('the source broke')
    }
    await assert.rejects(store.put('broken/too', failing(), { ifAbsent: true }), /the source broke/)
    assert.deepEqual(await readdir(join(store.place, '.unfinished')), [])
    await store.put('beside', text('x'), { ifAbsent: true })
    await writeFile(join(store.place, '.unfinished', 'left'), 'x')
    assert.ok(!(await keysOf(store, '')).some((key) => key.includes('unfinished')))
  })

  test('tells what it can do by trying, and leaves nothing of the try', async () => {
    const { conditionalWrites, versioning, lock } = await probeStore(store, systemClock)
    assert.deepEqual(
      { conditionalWrites, versioning, lock },
      {
        conditionalWrites: 'enforced',
        versioning: 'off',
        lock: { state: 'off' },
      },
    )
    assert.deepEqual(await keysOf(store, 'probe/'), [])
  })
})
