import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { fromBase64, toBase64 } from '../client/base64.ts'
import { type FamilyGenerations, familyGenerations } from '../client/family/generations.ts'
import { familyIdentity } from '../client/family/identity.ts'
import { readInviteCode, writeInviteCode } from '../client/family/invite-code.ts'
import type { FamilyNotice } from '../client/family/notice.ts'
import { CodeDiffers, NotLinked } from '../client/family/options.ts'
import { openKey, sealKey } from '../client/family/sealed-key.ts'
import { createSupervised, type Supervised } from '../client/family/supervised.ts'
import { createSupervisor, type Supervisor } from '../client/family/supervisor.ts'
import { type CollectionKey, createMasterKey } from '../client/keys.ts'
import { open } from '../client/sealed-entity.ts'
import { createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { fromWire, pullAnswer } from '../client/wire.ts'
import { startSystem, type TestSystem } from './system.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const text = (value: string) => new TextEncoder().encode(value)
const clock = { now: () => Date.now(), sleep: async () => {} }

/** A person with everything needed to let others read and to read of others. */
async function person(options: { fetch?: typeof fetch; now?: () => number } = {}) {
  const user = randomUUID()
  const token = await system.token(user)
  const notices: FamilyNotice[] = []
  const common = {
    address: system.api,
    token: async () => token,
    user,
    masterKeys: [createMasterKey()] as const,
    clock: { ...clock, ...(options.now ? { now: options.now } : {}) },
    random: () => 0.5,
    ...(options.fetch ? { fetch: options.fetch } : {}),
  }
  const onNotice = (notice: FamilyNotice) => void notices.push(notice)
  const device = (name: string): { client: SyncClient; supervised: Supervised; generations: FamilyGenerations } => {
    const generations = familyGenerations()
    const client = createSyncClient({ ...common, device: name, generations })
    return { client, generations, supervised: createSupervised({ ...common, client, generations, onNotice }) }
  }
  const supervisor: Supervisor = createSupervisor({ ...common, onNotice })
  return { user, token, common, notices, device, ...device('phone'), supervisor }
}
type Person = Awaited<ReturnType<typeof person>>

const kinds = ({ notices }: Person) => notices.map(({ kind }) => kind)

/** Carla holds Ana's invite and has answered; the code is the same on both sides. */
async function answered(ana: Person, carla: Person, entityTypes = ['medication']): Promise<string> {
  await carla.supervisor.accept(await ana.supervised.invite({ entityTypes }))
  const [answer] = await ana.supervised.answers()
  assert.ok(answer)
  assert.equal(await carla.supervisor.code(ana.user), answer.code)
  return answer.code
}

async function linked(ana: Person, carla: Person, entityTypes = ['medication']): Promise<void> {
  const code = await answered(ana, carla, entityTypes)
  await ana.supervised.confirm(carla.user, code)
  await carla.supervisor.verify(ana.user, code)
}

const read = async (carla: Person, ana: Person) => {
  await carla.supervisor.pull(ana.user)
  return (await carla.supervisor.list(ana.user)).map(({ value }) => new TextDecoder().decode(value)).sort()
}

const put = async (ana: Person, type: string, value: string) => {
  const id = randomUUID()
  await ana.client.put(type, id, text(value))
  await ana.client.sync()
  return id
}

test('a supervisor reads what is shared, what comes later, and nothing else', async () => {
  const [ana, carla] = [await person(), await person()]
  await put(ana, 'medication', 'losartan')
  await put(ana, 'journal', 'private')
  await linked(ana, carla)
  assert.deepEqual(await read(carla, ana), ['losartan'])
  await put(ana, 'medication', 'aspirin')
  assert.deepEqual(await read(carla, ana), ['aspirin', 'losartan'])
  assert.deepEqual([kinds(ana), kinds(carla)], [[], []])
})

test('a revoked supervisor who kept every key, and has the server with it, opens nothing written after', async () => {
  const [ana, carla, berta] = [await person(), await person(), await person()]
  const tablet = ana.device('tablet')
  const id = await put(ana, 'medication', 'before')
  await linked(ana, carla)
  await linked(ana, berta)
  assert.deepEqual(await read(carla, ana), ['before'])
  // Every key it ever had, taken out of the answers of the server with its own private key.
  const kept = await everyKey(carla, ana)
  assert.ok(kept.length > 0)
  await tablet.client.sync()
  await tablet.client.put('medication', randomUUID(), text('on the way'))

  const [synced] = await Promise.all([tablet.client.sync(), ana.supervised.revoke(carla.user)])
  await assert.rejects(carla.supervisor.pull(ana.user), NotLinked)
  assert.deepEqual(kinds(carla), ['link-ended'])
  await put(ana, 'medication', 'after')
  assert.deepEqual(
    [...synced.conflicts, ...(await tablet.client.sync()).conflicts],
    [],
    'nobody has to decide anything',
  )
  await ana.supervised.maintain()
  await ana.client.sync()

  // What the server holds, as the server could hand it to a friend.
  const rows = await pullAll(ana)
  const shared = rows.filter(({ sealed }) => sealed.type === 'medication')
  assert.equal(shared.length, 3)
  const opened = shared.filter(({ sealed }) =>
    kept.some((key) => open({ user: ana.user, keys: ringOf(key), collectionOf: (type) => type }, sealed) !== undefined),
  )
  assert.deepEqual(opened, [], 'neither what is new nor what was there, which is sealed anew')
  assert.ok(shared.some(({ sealed }) => sealed.id === id && sealed.version > 1))

  await ana.supervised.maintain()
  assert.deepEqual(await read(berta, ana), ['after', 'before', 'on the way'], 'who was not revoked goes on reading')
})

test('a link the other side gives up is followed by new keys as soon as a device notices', async () => {
  const [ana, carla] = [await person(), await person()]
  await put(ana, 'medication', 'before')
  await linked(ana, carla)
  await read(carla, ana)
  const kept = await everyKey(carla, ana)
  await carla.supervisor.giveUp(ana.user)
  await ana.supervised.maintain()
  await put(ana, 'medication', 'after')
  const keyIds = (await pullAll(ana))
    .filter(({ sealed }) => sealed.type === 'medication')
    .map(({ sealed }) => sealed.keyId)
  assert.equal(new Set(keyIds).size, 1)
  assert.ok(kept.every(({ id }) => !keyIds.includes(id)))
})

test('nothing is read before the other side confirms, nor by a device that has not compared the code', async () => {
  const [ana, carla] = [await person(), await person()]
  await put(ana, 'medication', 'losartan')
  const code = await answered(ana, carla)
  await assert.rejects(carla.supervisor.pull(ana.user), NotLinked)
  await carla.supervisor.verify(ana.user, code)
  await assert.rejects(carla.supervisor.pull(ana.user), NotLinked, 'compared, and not yet confirmed')
  const wrong = code.replace(/^./, (digit) => String((Number(digit) + 1) % 10))
  await assert.rejects(ana.supervised.confirm(carla.user, wrong), CodeDiffers)
  await assert.rejects(carla.supervisor.verify(ana.user, wrong), CodeDiffers)
  await ana.supervised.confirm(carla.user, code.replaceAll(' ', ''))
  assert.deepEqual(await read(carla, ana), ['losartan'])
})

test('an invite works once, and for whoever holds it only', async () => {
  const [ana, carla, mallory] = [await person(), await person(), await person()]
  const code = await ana.supervised.invite({ entityTypes: ['medication'] })
  const known = readInviteCode(code)
  assert.ok(known)
  const guessed = writeInviteCode({ ...known, secret: new Uint8Array(32) })
  const invalid = { code: 'INVITE_INVALID' }
  await assert.rejects(mallory.supervisor.accept(guessed), invalid, 'guessed')
  await assert.rejects(mallory.supervisor.accept('medtime-family-1.AAAA'), NotLinked, 'no invite')
  await carla.supervisor.accept(code)
  await assert.rejects(mallory.supervisor.accept(code), invalid, 'used')
  assert.equal(await carla.supervisor.accept(code), ana.user, 'the holder may repeat what it did')
  await assert.rejects(
    ana.supervisor.accept(await ana.supervised.invite({ entityTypes: ['dose'] })),
    invalid,
    'one’s own',
  )
})

test('an invite that somebody made up ends no link there is', async () => {
  const [ana, carla] = [await person(), await person()]
  await put(ana, 'medication', 'losartan')
  await linked(ana, carla)
  const [secret, commitment] = [createMasterKey(), createMasterKey()]
  const madeUp = writeInviteCode({ supervised: ana.user, invite: randomUUID(), secret, commitment })
  await assert.rejects(carla.supervisor.accept(madeUp), { code: 'INVITE_INVALID' })
  assert.deepEqual(await read(carla, ana), ['losartan'])
})

test('a supervisor’s public key that the server put in the place of another is refused', async () => {
  const mallory = await familyIdentity('mallory', createMasterKey())
  const swapped = { on: false }
  const lying: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!swapped.on || !String(input).endsWith('/family/links')) return response
    const body = await response.json()
    for (const link of body.supervisors) link.public_key = toBase64(mallory.publicKey)
    return Response.json(body)
  }
  const [ana, carla] = [await person({ fetch: lying }), await person()]
  await put(ana, 'medication', 'losartan')
  await carla.supervisor.accept(await ana.supervised.invite({ entityTypes: ['medication'] }))
  swapped.on = true
  assert.deepEqual(await ana.supervised.answers(), [])
  await assert.rejects(ana.supervised.confirm(carla.user, '0'.repeat(30)), NotLinked)
  assert.deepEqual(new Set(kinds(ana)), new Set(['invite-answer-forged']))
  swapped.on = false
  const [answer] = await ana.supervised.answers()
  assert.ok(answer)
  await ana.supervised.confirm(carla.user, answer.code)
  await carla.supervisor.verify(ana.user, answer.code)
  swapped.on = true
  ana.notices.length = 0
  await ana.supervised.maintain()
  assert.deepEqual(kinds(ana), ['other-public-key'])
  const [notice] = ana.notices
  assert.match(notice?.text.es ?? '', /clave/)
  assert.match(notice?.text.en ?? '', /key/)
})

test('a server that shows the supervisor another key of the supervised is caught by the commitment', async () => {
  const mallory = await familyIdentity('mallory', createMasterKey())
  const lying: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!String(input).endsWith('/family/links')) return response
    const body = await response.json()
    for (const link of body.supervised) link.public_key = toBase64(mallory.publicKey)
    return Response.json(body)
  }
  const [ana, carla] = [await person(), await person({ fetch: lying })]
  await carla.supervisor.accept(await ana.supervised.invite({ entityTypes: ['medication'] }))
  await ana.supervised.answers()
  assert.equal(await carla.supervisor.code(ana.user), undefined)
  assert.deepEqual(kinds(carla), ['commitment-broken'])
})

test('a key that the server made is not taken for one of the supervised', async () => {
  const mallory = await familyIdentity('mallory', createMasterKey())
  const forging: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!String(input).endsWith('/keys')) return response
    const to = (await familyIdentity(carla.user, carla.common.masterKeys[0])).publicKey
    const binding = { supervised: ana.user, supervisor: carla.user, collection: 'medication', keyId: 'forged' }
    const sealed = await sealKey(mallory, to, binding, createMasterKey())
    return Response.json({ keys: [{ collection: 'medication', key_id: 'forged', sealed: toBase64(sealed) }] })
  }
  const ana = await person()
  const carla: Person = await person({ fetch: forging })
  await linked(ana, carla)
  await carla.supervisor.pull(ana.user)
  assert.deepEqual(kinds(carla), ['key-forged'])
})

test('a second device of the supervised goes on where the first began', async () => {
  const [ana, carla] = [await person(), await person()]
  const tablet = ana.device('tablet')
  await carla.supervisor.accept(await ana.supervised.invite({ entityTypes: ['medication'] }))
  const [answer] = await tablet.supervised.answers()
  assert.ok(answer)
  assert.deepEqual(await ana.supervised.answers(), [answer], 'both show the same code')
  await tablet.supervised.confirm(carla.user, answer.code)
  await carla.supervisor.verify(ana.user, answer.code)
  await put(ana, 'medication', 'losartan')
  assert.deepEqual(await read(carla, ana), ['losartan'])
  await ana.supervised.revoke(carla.user)
  await tablet.client.put('medication', randomUUID(), text('after'))
  await tablet.client.push()
  const keyIds = (await pullAll(ana))
    .filter(({ sealed }) => sealed.type === 'medication')
    .map(({ sealed }) => sealed.keyId)
  assert.equal(new Set(keyIds).size, 1, 'both devices seal with the same new key')
})

test('two devices that end two links at once leave no key that either of the two had', async () => {
  const [ana, carla, berta] = [await person(), await person(), await person()]
  const tablet = ana.device('tablet')
  await put(ana, 'medication', 'before')
  await linked(ana, carla)
  await linked(ana, berta)
  await tablet.client.sync()
  const kept = [...(await everyKey(carla, ana)), ...(await everyKey(berta, ana))]
  // What the first hands to Berta before it hears of the second.
  const given: string[] = []
  const watching = createSupervised({
    ...ana.common,
    client: ana.client,
    generations: ana.generations,
    fetch: async (input, init) => {
      if (String(input).endsWith(`/supervisors/${berta.user}/keys`)) given.push(String(init?.body))
      return fetch(input, init)
    },
  })
  await Promise.all([watching.revoke(carla.user), tablet.supervised.revoke(berta.user)])
  await ana.supervised.maintain()
  await put(ana, 'medication', 'after')
  await tablet.client.put('medication', randomUUID(), text('after'))
  await tablet.client.sync()
  const keyIds = (await pullAll(ana))
    .filter(({ sealed }) => sealed.type === 'medication')
    .map(({ sealed }) => sealed.keyId)
  assert.equal(new Set(keyIds).size, 1)
  assert.ok(kept.every(({ id }) => !keyIds.includes(id)))
  assert.ok(given.every((body) => !body.includes(keyIds[0] ?? '')))
})

test('access ends by the clock of the supervised, whatever the server says', async () => {
  const time = { ahead: 0 }
  const [ana, carla] = [await person({ now: () => Date.now() + time.ahead }), await person()]
  await put(ana, 'medication', 'before')
  await carla.supervisor.accept(await ana.supervised.invite({ entityTypes: ['medication'], accessDays: 30 }))
  const [answer] = await ana.supervised.answers()
  assert.ok(answer)
  await ana.supervised.confirm(carla.user, answer.code)
  const [before] = await pullAll(ana)
  time.ahead = 30 * 86_400_000
  await ana.supervised.maintain()
  assert.equal((await ana.supervised.supervisors())[0]?.status, 'revoked', 'the server would have let her read on')
  const after = (await pullAll(ana)).find(({ sealed }) => sealed.id === before?.sealed.id)
  assert.notEqual(after?.sealed.keyId, before?.sealed.keyId)
})

test('a link that a restore of the server has brought back is ended again', async () => {
  const [ana, carla] = [await person(), await person()]
  await linked(ana, carla)
  await ana.supervised.revoke(carla.user)
  await withClient(system.adminUrl, (client) =>
    client.query(`UPDATE srv_family_links SET status = 'active' WHERE supervised_user_id = $1`, [ana.user]),
  )
  await ana.supervised.maintain()
  assert.equal((await ana.supervised.supervisors())[0]?.status, 'revoked')
})

test('invites that were taken back, and answers that were refused, let nobody in', async () => {
  const [ana, carla] = [await person(), await person()]
  const code = await ana.supervised.invite({ entityTypes: ['medication'] })
  await ana.supervised.withdrawInvites()
  await assert.rejects(carla.supervisor.accept(code), { code: 'INVITE_INVALID' })
  const compared = await answered(ana, carla)
  await ana.supervised.revoke(carla.user)
  await assert.rejects(ana.supervised.confirm(carla.user, compared), NotLinked)
})

test('after a link has ended the two may be linked anew', async () => {
  for (const endedBy of ['supervised', 'supervisor'] as const) {
    const [ana, carla] = [await person(), await person()]
    await put(ana, 'medication', 'losartan')
    await linked(ana, carla)
    if (endedBy === 'supervised') await ana.supervised.revoke(carla.user)
    else await carla.supervisor.giveUp(ana.user)
    await linked(ana, carla)
    assert.deepEqual(await read(carla, ana), ['losartan'])
  }
})

async function everyKey(carla: Person, ana: Person): Promise<(CollectionKey & { collection: string })[]> {
  const me = await familyIdentity(carla.user, carla.common.masterKeys[0])
  const { publicKey } = await familyIdentity(ana.user, ana.common.masterKeys[0])
  const response = await fetch(`${system.api}/family/${ana.user}/keys`, {
    headers: { authorization: `Bearer ${carla.token}` },
  })
  const { keys } = await response.json()
  const found: (CollectionKey & { collection: string })[] = []
  for (const { collection, key_id: id, sealed } of keys) {
    const binding = { supervised: ana.user, supervisor: carla.user, collection, keyId: id }
    const key = await openKey(me, publicKey, binding, fromBase64(sealed))
    if (key !== undefined) found.push({ id, key, collection, generation: 0 })
  }
  return found
}

const ringOf = (key: CollectionKey) => ({ current: () => key, find: () => key })

async function pullAll(ana: Person) {
  const response = await fetch(`${system.api}/sync/pull?limit=100`, {
    headers: { authorization: `Bearer ${ana.token}` },
  })
  return pullAnswer.parse(await response.json()).entities.map(fromWire)
}
