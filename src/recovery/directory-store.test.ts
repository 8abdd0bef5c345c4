import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { directoryStore } from './directory-store.ts'
import type { ByteStream, Store } from './store.ts'

async function* text(...parts: string[]): ByteStream {
  for (const part of parts) yield Buffer.from(part)
}

async function read(store: Store, key: string): Promise<string | undefined> {
  const stream = await store.get(key)
  if (!stream) return undefined
  let all = ''
  for await (const part of stream) all += Buffer.from(part).toString()
  return all
}

suite('a store in a directory', () => {
  let directory = ''
  let store: Store
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aval-store-'))
    store = directoryStore(join(directory, 'made', 'when', 'needed'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  test('keeps what it was given', async () => {
    assert.deepEqual(await store.put('a/b/one', text('he', 'llo'), { ifAbsent: true }), { outcome: 'stored', size: 5 })
    assert.equal(await read(store, 'a/b/one'), 'hello')
    assert.deepEqual(await store.stat('a/b/one'), { key: 'a/b/one', size: 5 })
  })

  test('says that there is nothing where nothing is', async () => {
    assert.equal(await store.get('a/none'), undefined)
    assert.equal(await store.stat('a/none/deeper'), undefined)
    await store.delete('a/none')
  })

  test('never replaces when told not to, replaces whole when told to', async () => {
    await store.put('replace', text('first'), { ifAbsent: true })
    assert.equal((await store.put('replace', text('second'), { ifAbsent: true })).outcome, 'exists')
    assert.equal(await read(store, 'replace'), 'first')
    assert.equal((await store.put('replace', text('third'), { ifAbsent: false })).outcome, 'stored')
    assert.equal(await read(store, 'replace'), 'third')
  })

  test('of many writers at once exactly one stores', async () => {
    const outcomes = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, index) => (await store.put('race', text(`${index}`), { ifAbsent: true })).outcome,
      ),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 1)
  })

  test('an object whose writer failed is not there, and leaves nothing', async () => {
    async function* failing(): ByteStream {
      yield Buffer.from('some bytes')
      throw new Error('the source broke')
    }
    await assert.rejects(store.put('broken/object', failing(), { ifAbsent: true }), /the source broke/)
    assert.equal(await store.stat('broken/object'), undefined)
    assert.deepEqual(await readdir(join(store.place, '.unfinished')), [])
  })

  test('lists keys with a prefix, in order, without what is unfinished', async () => {
    for (const key of ['list/b', 'list/a/2', 'list/a/1', 'list/a-1', 'list/a0', 'listed']) {
      await store.put(key, text(key), { ifAbsent: true })
    }
    await writeFile(join(store.place, '.unfinished', 'left'), 'x')
    const list = async (prefix: string) => {
      const keys: string[] = []
      for await (const { key } of store.list(prefix)) keys.push(key)
      return keys
    }
    assert.deepEqual(await list('list/'), ['list/a-1', 'list/a/1', 'list/a/2', 'list/a0', 'list/b'])
    assert.deepEqual(await list('list/a/'), ['list/a/1', 'list/a/2'])
    assert.deepEqual(await list('li'), ['list/a-1', 'list/a/1', 'list/a/2', 'list/a0', 'list/b', 'listed'])
    assert.ok(!(await list('')).some((key) => key.includes('unfinished')))
  })

  test('refuses keys that leave it', async () => {
    for (const key of ['../x', '/x', 'a/../b', 'a//b', '.unfinished/x', '', 'a/']) {
      await assert.rejects(store.put(key, text('x'), { ifAbsent: true }), { code: 'STORE_KEY_INVALID' }, key)
    }
  })
})
