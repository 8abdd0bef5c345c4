import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createMasterKey } from '../client/keys.ts'
import { type ClientOptions, createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { remember, turnBack } from './restore.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem

before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const text = (value: string) => new TextEncoder().encode(value)
const read = async (client: SyncClient, id: string) => {
  const item = await client.get(id)
  return item === undefined || item.deleted ? undefined : new TextDecoder().decode(item.value)
}

/** Devices of one new user. */
async function household() {
  const user = randomUUID()
  const token = await system.token(user)
  const masterKeys = [createMasterKey()] as const
  const device = (name: string, options: Partial<ClientOptions> = {}) =>
    createSyncClient({
      address: system.api,
      token: async () => token,
      user,
      device: name,
      masterKeys,
      clock: { now: () => 0, sleep: async () => {} },
      random: () => 0.5,
      ...options,
    })
  return { user, token, device }
}

test('what one device writes another reads, and deletions travel', async () => {
  const { device } = await household()
  const [phone, tablet] = [device('phone'), device('tablet')]
  const id = randomUUID()
  await phone.put('medication', id, text('aspirin'))
  await phone.sync()
  assert.deepEqual((await tablet.sync()).pulled, [id])
  assert.equal(await read(tablet, id), 'aspirin')
  await tablet.remove('medication', id)
  await tablet.sync()
  await phone.sync()
  assert.equal(await read(phone, id), undefined)
  assert.deepEqual(await phone.list(), [])
})

test('a write to what another device wrote meanwhile is a conflict that its person decides', async () => {
  for (const [decision, expected] of [
    ['mine', 'tablet'],
    ['theirs', 'phone'],
    [text('both'), 'both'],
  ] as const) {
    const { device } = await household()
    const [phone, tablet] = [device('phone'), device('tablet')]
    const [id, other] = [randomUUID(), randomUUID()]
    await phone.put('dose', id, text('first'))
    await phone.sync()
    await tablet.sync()
    await phone.put('dose', id, text('phone'))
    await phone.sync()
    await tablet.put('dose', id, text('tablet'))
    await tablet.put('dose', other, text('untouched by it'))
    const { conflicts, pushed } = await tablet.sync()
    assert.deepEqual(conflicts, [id])
    assert.deepEqual(
      pushed.map((entity) => entity.id),
      [other],
      'the rest of the batch is not held up',
    )
    const [view] = await tablet.conflicts()
    assert.equal(new TextDecoder().decode(view?.mine?.value), 'tablet')
    assert.equal(new TextDecoder().decode(view?.theirs?.value), 'phone')
    await tablet.resolve(id, decision)
    await tablet.sync()
    await phone.sync()
    assert.equal(await read(tablet, id), expected)
    assert.equal(await read(phone, id), expected)
    assert.deepEqual(await tablet.conflicts(), [])
  }
})

test('an entity the server refuses is set aside and the others go on', async () => {
  const { device } = await household()
  const phone = device('phone')
  const [large, small] = [randomUUID(), randomUUID()]
  await phone.put('dose', large, new Uint8Array(1_100_000))
  await phone.put('dose', small, text('small'))
  const report = await phone.sync()
  assert.deepEqual(
    report.setAside.map(({ id, reason }) => ({ id, reason })),
    [{ id: large, reason: 'too_large' }],
  )
  assert.deepEqual(
    report.pushed.map((entity) => entity.id),
    [small],
  )
  await phone.discard(large)
  assert.deepEqual(await phone.setAside(), [])
})

test('a push whose acknowledgement is lost is repeated and counts once', async () => {
  const { device } = await household()
  let lose = true
  const phone = device('phone', {
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      if (init?.method === 'POST' && lose) {
        lose = false
        throw new Error('the line broke')
      }
      return response
    },
  })
  const id = randomUUID()
  await phone.put('dose', id, text('one'))
  const { pushed, conflicts } = await phone.sync()
  assert.deepEqual([pushed.length, conflicts.length], [1, 0])
  await phone.put('dose', id, text('two'))
  assert.equal((await phone.sync()).pushed[0]?.version, 2)
})

test('a device that lost every answer learns from a pull that its write is there', async () => {
  const { device } = await household()
  let lose = true
  const phone = device('phone', {
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      if (init?.method === 'POST' && lose) throw new Error('the line broke')
      return response
    },
  })
  const id = randomUUID()
  await phone.put('dose', id, text('one'))
  await assert.rejects(phone.sync(), /cannot be reached/)
  await phone.put('dose', id, text('two'))
  lose = false
  const { pushed, conflicts } = await phone.sync()
  assert.deepEqual([pushed.map((entity) => entity.version), conflicts], [[2], []])
})

test('after a restore what was lost comes back under its own version, and the person is told once', async () => {
  const { device } = await household()
  const notices: number[] = []
  const phone = device('phone', { onNotice: ({ kind, epoch }) => kind === 'server-restored' && notices.push(epoch) })
  const tablet = device('tablet')
  const [old, changed, added, removed] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  for (const id of [old, changed, removed]) await phone.put('dose', id, text('before'))
  await phone.sync()
  await remember(system.adminUrl, 'before_loss')
  await phone.put('dose', changed, text('after'))
  await phone.sync()
  await phone.put('dose', changed, text('after that'))
  await phone.put('dose', added, text('added'))
  await phone.remove('dose', removed)
  await phone.sync()
  await tablet.sync()
  const lost = new Map((await phone.held()).map((entity) => [entity.id, entity.checksum]))
  await turnBack(system.adminUrl, 'before_loss')

  const report = await phone.sync()
  assert.deepEqual(report.tampering, [], 'an honest restore is no attack')
  assert.deepEqual(report.conflicts, [])
  assert.deepEqual(new Set(report.pushAgain), new Set([changed, added, removed]))
  assert.equal(notices.length, 1)
  await phone.sync()
  assert.equal(notices.length, 1, 'told once')

  const second = await tablet.sync()
  assert.deepEqual([second.tampering, second.conflicts, second.pushAgain], [[], [], []])
  const fresh = device('new-phone')
  await fresh.sync()
  assert.equal(await read(fresh, changed), 'after that')
  assert.equal(await read(fresh, added), 'added')
  assert.equal(await read(fresh, removed), undefined)
  assert.deepEqual(new Map((await fresh.held()).map((entity) => [entity.id, entity.checksum])), lost)
})

test('a device that only wrote and never pulled notices a restore as well', async () => {
  const { device } = await household()
  const phone = device('phone')
  await remember(system.adminUrl, 'before_first')
  const id = randomUUID()
  await phone.put('dose', id, text('written'))
  await phone.push()
  await turnBack(system.adminUrl, 'before_first')
  const report = await phone.sync()
  assert.deepEqual(report.pushAgain, [id])
  assert.equal(report.notice?.kind, 'server-restored')
})

test('a restore that lost one history and saw another begin asks the person', async () => {
  const { device } = await household()
  const [phone, tablet] = [device('phone'), device('tablet')]
  const [id, followed] = [randomUUID(), randomUUID()]
  await phone.put('dose', id, text('shared'))
  await phone.put('dose', followed, text('shared'))
  await phone.sync()
  await tablet.sync()
  await remember(system.adminUrl, 'before_fork')
  await phone.put('dose', id, text('lost by the restore'))
  await phone.sync()
  await turnBack(system.adminUrl, 'before_fork')
  await tablet.put('dose', id, text('written after it'))
  await tablet.put('dose', followed, text('simply newer'))
  await tablet.sync()
  const report = await phone.sync()
  assert.deepEqual([report.tampering, report.conflicts], [[], [id]])
  assert.equal(await read(phone, followed), 'simply newer')
  await phone.resolve(id, text('both'))
  await phone.sync()
  await tablet.sync()
  assert.equal(await read(tablet, id), 'both')
})
