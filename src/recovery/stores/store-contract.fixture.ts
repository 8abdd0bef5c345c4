import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ByteStream, Store } from './store.ts'

export async function* text(...parts: string[]): ByteStream {
  for (const part of parts) yield Buffer.from(part)
}

export async function readText(store: Store, key: string): Promise<string | undefined> {
  const stream = await store.get(key)
  if (!stream) return undefined
  let all = ''
  for await (const part of stream) all += Buffer.from(part).toString()
  return all
}

export async function keysOf(store: Store, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

/** What every store promises; run over each of them. */
export function keepsTheContract(open: () => Store): void {
  test('keeps what it was given', async () => {
    const store = open()
    assert.deepEqual(await store.put('a/b/one', text('he', 'llo'), { ifAbsent: true }), { outcome: 'stored', size: 5 })
    assert.equal(await readText(store, 'a/b/one'), 'hello')
    assert.deepEqual(await store.stat('a/b/one'), { key: 'a/b/one', size: 5 })
    assert.deepEqual(await store.put('a/empty', text(), { ifAbsent: true }), { outcome: 'stored', size: 0 })
    assert.equal(await readText(store, 'a/empty'), '')
  })

  test('says that there is nothing where nothing is', async () => {
    const store = open()
    assert.equal(await store.get('a/none'), undefined)
    assert.equal(await store.stat('a/none/deeper'), undefined)
    await store.delete('a/none')
  })

  test('never replaces when told not to, replaces whole when told to', async () => {
    const store = open()
    await store.put('replace', text('first'), { ifAbsent: true })
    assert.deepEqual(await store.put('replace', text('second'), { ifAbsent: true }), { outcome: 'exists', size: 0 })
    assert.equal(await readText(store, 'replace'), 'first')
    assert.equal((await store.put('replace', text('third'), { ifAbsent: false })).outcome, 'stored')
    assert.equal(await readText(store, 'replace'), 'third')
  })

  test('of many writers at once exactly one stores, and all can tell', async () => {
    const store = open()
    const outcomes = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, index) => (await store.put('race', text(`${index}`), { ifAbsent: true })).outcome,
      ),
    )
    const winner = outcomes.indexOf('stored')
    assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 1)
    assert.equal(await readText(store, 'race'), `${winner}`)
  })

  test('an object whose source failed is not there', async () => {
    const store = open()
    async function* failing(): ByteStream {
      yield Buffer.from('some bytes')
      throw new Error('the source broke')
    }
    await assert.rejects(store.put('broken/object', failing(), { ifAbsent: true }), /the source broke/)
    assert.equal(await store.stat('broken/object'), undefined)
  })

  test('what is removed is gone, and its place is free', async () => {
    const store = open()
    await store.put('removed/one', text('first'), { ifAbsent: true })
    await store.delete('removed/one')
    assert.equal(await store.get('removed/one'), undefined)
    assert.deepEqual(await keysOf(store, 'removed/'), [])
    assert.equal((await store.put('removed/one', text('again'), { ifAbsent: true })).outcome, 'stored')
  })

  test('a reader that stops early costs nothing but what it read', async () => {
    const store = open()
    await store.put('early', text('x'.repeat(500_000)), { ifAbsent: true })
    for await (const part of (await store.get('early')) ?? []) {
      assert.ok(part.length > 0)
      break
    }
    assert.equal((await readText(store, 'early'))?.length, 500_000)
  })

  test('lists keys with a prefix, in order', async () => {
    const store = open()
    for (const key of ['list/b', 'list/a/2', 'list/a/1', 'list/a-1', 'list/a0', 'listed']) {
      await store.put(key, text(key), { ifAbsent: true })
    }
    assert.deepEqual(await keysOf(store, 'list/'), ['list/a-1', 'list/a/1', 'list/a/2', 'list/a0', 'list/b'])
    assert.deepEqual(await keysOf(store, 'list/a/'), ['list/a/1', 'list/a/2'])
    assert.deepEqual(await keysOf(store, 'li'), ['list/a-1', 'list/a/1', 'list/a/2', 'list/a0', 'list/b', 'listed'])
  })

  test('refuses keys that leave it', async () => {
    const store = open()
    for (const key of ['../x', '/x', 'a/../b', 'a//b', '.unfinished/x', '', 'a/']) {
      await assert.rejects(store.put(key, text('x'), { ifAbsent: true }), { code: 'STORE_KEY_INVALID' }, key)
      await assert.rejects(store.get(key), { code: 'STORE_KEY_INVALID' }, key)
    }
  })

  test('whatever is put, replaced and removed, a listing shows what is there', async () => {
    const step = fc.record({
      what: fc.constantFrom('put', 'replace', 'delete'),
      key: fc.constantFrom('m/a', 'm/a-b', 'm/a/b', 'm/b/c', 'm/z'),
      content: fc.string({ maxLength: 40 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const store = open()
        const folder = `model-${run++}`
        const model = new Map<string, string>()
        for (const { what, key, content } of steps) {
          // A directory cannot hold a file and a folder of one name.
          const at = `${folder}/${key === 'm/a/b' ? 'm/d/b' : key}`
          if (what === 'delete') {
            await store.delete(at)
            model.delete(at)
            continue
          }
          const { outcome } = await store.put(at, text(content), { ifAbsent: what === 'put' })
          assert.equal(outcome, what === 'put' && model.has(at) ? 'exists' : 'stored')
          if (outcome === 'stored') model.set(at, content)
        }
        assert.deepEqual(await keysOf(store, `${folder}/`), [...model.keys()].sort())
        for (const [key, content] of model) assert.equal(await readText(store, key), Buffer.from(content).toString())
      }),
      { numRuns: 25 },
    )
  })
}
