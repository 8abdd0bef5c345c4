import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyRing, createMasterKey, type Generations } from './keys.ts'
import { serverDouble } from './server-double.ts'
import { type ClientOptions, createSyncClient } from './sync-client.ts'

const user = '0f0e0d0c-0b0a-4908-8706-050403020100'
const id = '11111111-1111-4111-8111-111111111111'
const text = (value: string) => new TextEncoder().encode(value)

/** Counts as an application would keep them: what `next` says is learned at the next opportunity. */
function counted() {
  const book = { now: 0, next: 0 }
  const generations: Generations = {
    of: () => book.now,
    learn: async () => {
      const rose = book.next > book.now
      book.now = book.next
      return rose
    },
  }
  return { book, generations }
}

test('each generation of a key is another key, and old and new ones are found', () => {
  const master = createMasterKey()
  const { book, generations } = counted()
  const ring = createKeyRing(user, [master], generations)
  const first = ring.current('dose')
  assert.equal(first.id, createKeyRing(user, [master]).current('dose').id, 'the first is the one there always was')
  book.now = 3
  const fourth = ring.current('dose')
  assert.notDeepEqual(fourth.key, first.key)
  assert.deepEqual([ring.find('dose', first.id)?.generation, ring.find('dose', fourth.id)?.generation], [0, 3])
  assert.equal(createKeyRing(user, [master]).find('dose', fourth.id)?.generation, 3, 'by a device that has not heard')
  assert.equal(ring.find('medication', first.id), undefined)
})

test('what a device wrote before it heard that a key was replaced is sealed anew before it is sent', async () => {
  const server = serverDouble(100)
  const masterKeys: ClientOptions['masterKeys'] = [createMasterKey()]
  const { book, generations } = counted()
  const device = (name: string, own?: Generations) =>
    createSyncClient({
      address: 'http://server',
      token: async () => 't',
      user,
      device: name,
      masterKeys,
      fetch: server.fetch,
      ...(own ? { generations: own } : {}),
    })
  const phone = device('phone', generations)
  const replaced = (await phone.put('dose', id, text('one'))).keyId
  book.next = 1
  await phone.sync()
  const [sent] = [...server.rows().values()]
  assert.notEqual(sent?.key_id, replaced)
  assert.equal(sent?.version, 1, 'it was never sent under the old key')
  const tablet = device('tablet')
  await tablet.sync()
  assert.equal(new TextDecoder().decode((await tablet.get(id))?.value), 'one')
})
