import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createMasterKey } from './keys.ts'
import { serverDouble } from './server-double.ts'
import { createSyncClient, type SyncClient } from './sync-client.ts'

const text = (value: string) => new TextEncoder().encode(value)
const read = async (client: SyncClient, id: string) => new TextDecoder().decode((await client.get(id))?.value)

/** A phone and a tablet that hold the same entity, which the tablet has changed since. */
async function changedElsewhere() {
  const server = serverDouble(50)
  const [user, id] = [randomUUID(), randomUUID()]
  const masterKeys = [createMasterKey()] as const
  const device = (name: string) =>
    createSyncClient({
      address: 'http://server.test',
      token: async () => 'token',
      user,
      device: name,
      masterKeys,
      fetch: server.fetch,
      clock: { now: () => 0, sleep: async () => {} },
    })
  const [phone, tablet] = [device('phone'), device('tablet')]
  await phone.put('dose', id, text('first'))
  await phone.sync()
  await tablet.sync()
  await tablet.put('dose', id, text('of the tablet'))
  await tablet.sync()
  return { phone, tablet, id }
}

for (const [what, write] of [
  ['write', (phone: SyncClient, id: string) => phone.put('dose', id, text('of the phone'))],
  ['deletion', (phone: SyncClient, id: string) => phone.remove('dose', id)],
] as const)
  test(`a ${what} made while a sync was under way does not replace unseen what the sync brought`, async () => {
    const { phone, tablet, id } = await changedElsewhere()
    const syncing = phone.sync()
    await write(phone, id)
    await syncing
    const [conflict] = await phone.conflicts()
    assert.equal(new TextDecoder().decode(conflict?.theirs?.value), 'of the tablet')
    assert.equal(conflict?.mine?.deleted, what === 'deletion')
    await phone.sync()
    await tablet.sync()
    assert.equal(await read(tablet, id), 'of the tablet', 'nothing goes out before somebody has decided')
    await phone.resolve(id, 'mine')
    await phone.sync()
    await tablet.sync()
    assert.equal((await tablet.get(id))?.deleted, what === 'deletion')
    if (what === 'write') assert.equal(await read(tablet, id), 'of the phone')
  })

test('own writes that nobody waits for follow each other, also with a sync between them', async () => {
  const { phone, id } = await changedElsewhere()
  await phone.sync()
  await Promise.all([
    phone.put('dose', id, text('one')),
    phone.sync(),
    phone.put('dose', id, text('two')),
    phone.put('dose', id, text('three')),
  ])
  await phone.sync()
  assert.deepEqual(await phone.conflicts(), [])
  assert.equal(await read(phone, id), 'three')
})

test('a decision made while a sync was under way is not taken for one about what the sync brought', async () => {
  const { phone, tablet, id } = await changedElsewhere()
  await phone.put('dose', id, text('of the phone'))
  await phone.sync()
  await phone.pull()
  await tablet.put('dose', id, text('of the tablet, again'))
  await tablet.sync()
  const syncing = phone.sync()
  await assert.rejects(phone.resolve(id, 'theirs'), /look at it again/)
  await syncing
  assert.equal((await phone.conflicts()).length, 1)
  await phone.resolve(id, 'theirs')
  assert.equal(await read(phone, id), 'of the tablet, again')
})
