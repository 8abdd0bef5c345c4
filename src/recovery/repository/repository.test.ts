import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { directoryStore } from '../stores/directory-store.ts'
import { once, openRepository, readWhole } from './repository.ts'

const key = new Uint8Array(32).fill(1)

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-repository-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

suite('a repository', () => {
  test('is opened again by its key', async (t) => {
    const store = directoryStore(await place(t))
    const made = await openRepository({ store, key, system: 'shop' })
    await made.put('backups/x', once(Buffer.from('content')))
    const again = await openRepository({ store, key, system: 'shop', create: false })
    assert.equal((await readWhole(again, 'backups/x')).toString(), 'content')
  })

  test('goes on under a new key, opens what the former one sealed, and knows the same content again', async (t) => {
    const store = directoryStore(await place(t))
    const next = new Uint8Array(32).fill(9)
    const content = Buffer.from('content')
    const before = await openRepository({ store, key, system: 'shop' })
    await before.put('wal/1', once(content), { digest: before.digest(content) })
    const after = await openRepository({ store, key: [next, key], system: 'shop', create: false })
    assert.equal((await readWhole(after, 'wal/1')).toString(), 'content')
    assert.equal((await after.put('wal/1', once(content), { digest: after.digest(content) })).outcome, 'same')
    await after.put('wal/2', once(content), { digest: after.digest(content) })
    const former = await openRepository({ store, key, system: 'shop', create: false })
    await assert.rejects(readWhole(former, 'wal/2'), { code: 'OBJECT_OTHER_KEY' })
    await assert.rejects(openRepository({ store, key: next, system: 'shop' }), { code: 'REPOSITORY_WRONG_KEY' })
  })

  test('names a wrong key as a wrong key, another system as another system', async (t) => {
    const store = directoryStore(await place(t))
    await openRepository({ store, key, system: 'shop' })
    const wrong = new Uint8Array(32).fill(2)
    await assert.rejects(openRepository({ store, key: wrong, system: 'shop' }), { code: 'REPOSITORY_WRONG_KEY' })
    await assert.rejects(openRepository({ store, key, system: 'bank' }), { code: 'REPOSITORY_OTHER_SYSTEM' })
  })

  test('is not made where only reading was asked for, nor over a repository that lost its first object', async (t) => {
    const store = directoryStore(await place(t))
    await assert.rejects(openRepository({ store, key, system: 'shop', create: false }), { code: 'REPOSITORY_ABSENT' })
    const made = await openRepository({ store, key, system: 'shop' })
    await made.put('backups/x', once(Buffer.from('content')))
    await store.delete('repository')
    await assert.rejects(openRepository({ store, key, system: 'shop' }), { code: 'REPOSITORY_INCOMPLETE' })
  })

  test('takes the same content under the same key again, and never other content', async (t) => {
    const repository = await openRepository({ store: directoryStore(await place(t)), key, system: 'shop' })
    const put = (text: string) => {
      const content = Buffer.from(text)
      return repository.put('wal/1', once(content), { digest: repository.digest(content) })
    }
    assert.equal((await put('one')).outcome, 'stored')
    assert.equal((await put('one')).outcome, 'same')
    await assert.rejects(put('two'), { code: 'OBJECT_CONFLICT' })
    assert.equal((await readWhole(repository, 'wal/1')).toString(), 'one')
  })

  test('finds two objects that changed places', async (t) => {
    const directory = await place(t)
    const repository = await openRepository({ store: directoryStore(directory), key, system: 'shop' })
    await repository.put('a', once(Buffer.from('first')))
    await repository.put('b', once(Buffer.from('other')))
    await rename(join(directory, 'a'), join(directory, 'swap'))
    await rename(join(directory, 'b'), join(directory, 'a'))
    await rename(join(directory, 'swap'), join(directory, 'b'))
    await assert.rejects(readWhole(repository, 'a'), { code: 'OBJECT_DAMAGED' })
    await assert.rejects(readWhole(repository, 'b'), { code: 'OBJECT_DAMAGED' })
  })

  test('keeps nothing readable: neither content nor a hash of it', async (t) => {
    const directory = await place(t)
    const repository = await openRepository({ store: directoryStore(directory), key, system: 'shop' })
    const content = Buffer.from('aspirin 100 mg')
    await repository.put('a', once(content), { digest: repository.digest(content) })
    const stored = await readFile(join(directory, 'a'), 'latin1')
    assert.ok(!stored.includes('aspirin'))
  })

  test('finds a byte changed in its own first object', async (t) => {
    const directory = await place(t)
    const store = directoryStore(directory)
    await openRepository({ store, key, system: 'shop' })
    const file = join(directory, 'repository')
    const whole = await readFile(file)
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 4
      await writeFile(file, changed)
      await assert.rejects(openRepository({ store, key, system: 'shop' }), `byte ${at}`)
    }
  })
})
