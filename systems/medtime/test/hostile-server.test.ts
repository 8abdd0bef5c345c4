import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { withClient } from '../../../src/postgres/connection.ts'
import { createAccounts } from '../client/account/account.ts'
import { markType } from '../client/commitment/mark.ts'
import type { Warning } from '../client/commitment/notice.ts'
import { digestOf, type PinnedFact } from '../client/commitment/pinned.ts'
import { familyGenerations } from '../client/family/generations.ts'
import type { FamilyNotice } from '../client/family/notice.ts'
import { familyEntity, familyEntityType } from '../client/family/store.ts'
import { createSupervised } from '../client/family/supervised.ts'
import { createSupervisor } from '../client/family/supervisor.ts'
import { createMasterKey } from '../client/keys.ts'
import { createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { startAccounts } from './accounts.ts'
import { copyRows, createLyingServer, type Lie, rowsOf } from './lying-server.ts'
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

/** Devices of a new user, each behind a server that may lie to it. */
async function household() {
  const user = randomUUID()
  const tokenFor = (name: string) => system.token(name, { tier: 'perfect' })
  const token = await tokenFor(user)
  const masterKeys = [createMasterKey()] as const
  return {
    token,
    /** Another account, which belongs to the operator. */
    otherAccount: () => tokenFor(randomUUID()),
    device: (name: string) => {
      const told: string[] = []
      const server = createLyingServer()
      const client = createSyncClient({
        address: system.api,
        token: async () => token,
        user,
        device: name,
        masterKeys,
        fetch: server.fetch,
        marks: { everyMs: 0 },
        onNotice: ({ kind }) => kind !== 'trust-on-first-use' && told.push(kind),
      })
      return { ...server, client, told }
    },
  }
}

const kinds = (warnings: readonly Warning[]) => warnings.map(({ kind }) => kind)

/** A phone that wrote two medicines, of which the second was changed, and a tablet that has seen all of it. */
async function twoDevices() {
  const home = await household()
  const [phone, tablet] = [home.device('phone'), home.device('tablet')]
  const [one, two] = [randomUUID(), randomUUID()]
  await phone.client.put('medication', one, text('one'))
  await phone.client.put('medication', two, text('two'))
  await phone.client.sync()
  await tablet.client.sync()
  const past = await rowsOf(system.api, home.token)
  await phone.client.put('medication', two, text('two, changed'))
  await phone.client.sync()
  return { ...home, phone, tablet, one, two, past }
}

describe('what one page cannot hide from anybody', () => {
  for (const [name, lie] of [
    [
      'blobs swapped between ids',
      (rows) => {
        const [a, b] = rows.filter((row) => row.entity_type === 'medication')
        if (a === undefined || b === undefined) return rows
        return rows.map((row) => {
          const from = row === a ? b : row === b ? a : row
          return { ...row, encrypted_blob: from.encrypted_blob, checksum: from.checksum }
        })
      },
    ],
    ['a type relabelled', (rows) => rows.map((row) => ({ ...row, entity_type: 'dose' }))],
    ['a deletion made up', (rows) => rows.map((row) => ({ ...row, deleted: true }))],
    ['a version raised', (rows) => rows.map((row) => ({ ...row, version: row.version + 1 }))],
  ] satisfies [string, Lie][]) {
    test(`${name}: not believed, and the person is told`, async () => {
      const { device, one } = await twoDevices()
      const fresh = device('new')
      fresh.lie(lie)
      const report = await fresh.client.sync()
      assert.ok(report.tampering.length > 0)
      assert.ok(report.tampering.every(({ what }) => what === 'forged'))
      assert.ok(kinds(report.warnings).includes('data-tampered'))
      assert.equal(await read(fresh.client, one), undefined)
      assert.ok(fresh.told.includes('data-tampered'))
    })
  }

  test('an old version, shown to a device that saw the newer one', async () => {
    const { tablet, two, past } = await twoDevices()
    await tablet.client.sync()
    tablet.lie((rows) => [...rows, ...past.filter(({ id }) => id === two)])
    const report = await tablet.client.sync()
    assert.deepEqual(report.tampering, [{ id: two, what: 'replayed' }])
    assert.deepEqual(kinds(report.warnings), ['data-tampered'])
    assert.equal(await read(tablet.client, two), 'two, changed')
  })
})

describe('what is left out is missed, because the device that wrote it vouches for it', () => {
  test('an old version in the place of the new one, shown to a device that never saw either', async () => {
    const { device, two, past } = await twoDevices()
    const fresh = device('new')
    fresh.lie((rows) => rows.map((row) => (row.id === two ? (past.find(({ id }) => id === two) ?? row) : row)))
    const { warnings } = await fresh.client.sync()
    assert.deepEqual(
      warnings.map(({ kind, devices, entities }) => ({ kind, devices, entities })),
      [{ kind: 'changes-withheld', devices: ['phone'], entities: [two] }],
    )
  })

  test('a tombstone that is dropped', async () => {
    const { phone, tablet, one } = await twoDevices()
    await tablet.client.sync()
    await phone.client.remove('medication', one)
    await phone.client.sync()
    tablet.lie((rows) => rows.filter((row) => !row.deleted))
    const { warnings } = await tablet.client.sync()
    assert.deepEqual(
      warnings.map(({ kind, devices, entities }) => ({ kind, devices, entities })),
      [{ kind: 'changes-withheld', devices: ['phone'], entities: [one] }],
    )
    assert.equal(await read(tablet.client, one), 'one')
    assert.deepEqual(kinds((await tablet.client.sync()).warnings), [], 'each thing is told once')
  })

  test('a page that is cut short while the cursor goes on', async () => {
    const { phone, tablet } = await twoDevices()
    await tablet.client.sync()
    const added: string[] = Array.from({ length: 5 }, () => randomUUID())
    for (const id of added) await phone.client.put('dose', id, text('taken'))
    await phone.client.sync()
    tablet.lie((rows) => rows.filter(({ id }) => !added.slice(2).includes(id)))
    const [warning, ...more] = (await tablet.client.sync()).warnings
    assert.deepEqual([warning?.kind, warning?.devices, more], ['changes-withheld', ['phone'], []])
    assert.deepEqual(warning?.entities.toSorted(), added.slice(2).toSorted())
  })

  test('a mark that is withheld itself, as soon as a third device has seen it', async () => {
    const { device, phone, tablet, one } = await twoDevices()
    const laptop = device('laptop')
    await tablet.client.sync()
    await laptop.client.sync()
    await phone.client.put('medication', one, text('one, changed'))
    await phone.client.sync()
    await laptop.client.sync()
    await laptop.client.put('dose', randomUUID(), text('taken'))
    await laptop.client.sync()
    // Everything of the phone is kept from the tablet, its mark too.
    tablet.lie((rows) => rows.filter(({ client_id }) => client_id !== 'phone'))
    const { warnings } = await tablet.client.sync()
    assert.deepEqual(
      warnings.map(({ kind, devices }) => ({ kind, devices })),
      [{ kind: 'changes-withheld', devices: ['phone'] }],
    )
  })
})

describe('two histories', () => {
  /** The operator shows the tablet a copy of the account, in which it goes on alone. */
  async function forked() {
    const home = await twoDevices()
    await home.tablet.client.sync()
    const copy = await home.otherAccount()
    await copyRows(system.api, await rowsOf(system.api, home.token), copy)
    home.tablet.redirect(copy)
    await home.phone.client.put('medication', home.one, text('one, on the phone'))
    await home.phone.client.sync()
    await home.tablet.client.put('medication', home.one, text('one, on the tablet'))
    const alone = await home.tablet.client.sync()
    assert.deepEqual(alone.warnings, [], 'as long as nothing crosses, each looks like the other being away')
    return home
  }

  test('are noticed when the devices compare past the server', async () => {
    const { phone, tablet } = await forked()
    await phone.client.sync()
    assert.equal(await tablet.client.adoptMark((await phone.client.exportMark()) ?? ''), true)
    const { warnings } = await tablet.client.sync()
    assert.deepEqual(
      warnings.map(({ kind, devices }) => ({ kind, devices })),
      [{ kind: 'state-behind-mark', devices: ['phone'] }],
    )
  })

  test('can never be joined again unnoticed', async () => {
    const { tablet, token, one } = await forked()
    const mark = (await rowsOf(system.api, token)).filter((row) => row.entity_type === markType)
    // Only the mark crosses; then the entity as well.
    tablet.lie((rows) => [...rows, ...mark.filter(({ client_id }) => client_id === 'phone')])
    const [warning] = (await tablet.client.sync()).warnings
    assert.deepEqual([warning?.kind, warning?.entities], ['devices-split', [one]])
    tablet.lie(undefined)
    tablet.redirect(undefined)
    assert.ok((await tablet.client.sync()).tampering.some(({ id, what }) => id === one && what === 'replaced'))
  })
})

describe("yesterday's state", () => {
  test('shown to a new device is noticed by the mark of another one', async () => {
    const { device, otherAccount, phone, past, two } = await twoDevices()
    const yesterday = await otherAccount()
    await copyRows(system.api, past, yesterday)
    await phone.client.sync()
    const handed = (await phone.client.exportMark()) ?? ''

    const trusting = device('trusting')
    trusting.redirect(yesterday)
    assert.deepEqual((await trusting.client.sync()).warnings, [], 'without a mark nobody could know')
    assert.equal(await read(trusting.client, two), 'two')

    const fresh = device('new')
    fresh.redirect(yesterday)
    assert.equal(await fresh.client.adoptMark(handed), true)
    const { warnings } = await fresh.client.sync()
    assert.deepEqual(
      warnings.map(({ kind, devices }) => ({ kind, devices })),
      [{ kind: 'state-behind-mark', devices: ['phone'] }],
    )
    fresh.redirect(undefined)
    assert.deepEqual(kinds((await fresh.client.sync()).warnings), [], 'the truth contents it')
    assert.equal(await read(fresh.client, two), 'two, changed')
  })

  test('is noticed with the mark that was printed beside the recovery code, down to the day it was printed', async () => {
    const { device, otherAccount, phone, past } = await twoDevices()
    const printed = (await phone.client.exportMark()) ?? ''
    await phone.client.put('dose', randomUUID(), text('taken later'))
    await phone.client.sync()
    const yesterday = await otherAccount()
    await copyRows(system.api, past, yesterday)
    const fresh = device('new')
    fresh.redirect(yesterday)
    assert.equal(await fresh.client.adoptMark(`  ${printed}\n`), true)
    assert.deepEqual(kinds((await fresh.client.sync()).warnings), ['state-behind-mark'])
  })

  test('shown to a device in use is not believed', async () => {
    const { tablet, otherAccount, past, two } = await twoDevices()
    await tablet.client.sync()
    const yesterday = await otherAccount()
    await copyRows(system.api, past, yesterday)
    tablet.redirect(yesterday)
    const report = await tablet.client.sync()
    assert.ok(report.tampering.some(({ id, what }) => id === two && what === 'replayed'))
    assert.deepEqual(tablet.told, ['data-tampered'])
    assert.equal(await read(tablet.client, two), 'two, changed')
  })

  test('told as an epoch that is over is not believed', async () => {
    const { tablet, two } = await twoDevices()
    await tablet.client.sync()
    tablet.liePage((page) => ({ ...page, epoch: page.epoch + 1 }))
    await tablet.client.pull()
    tablet.lie(undefined)
    await assert.rejects(tablet.client.pull(), /an epoch before/)
    assert.deepEqual(tablet.told, ['server-restored', 'state-behind-mark'])
    assert.equal(await read(tablet.client, two), 'two, changed')
  })

  test('told as a restore that never was: the person is told of it, and every device brings back what it holds', async () => {
    const { tablet, phone, two, past } = await twoDevices()
    await tablet.client.sync()
    const truth = await read(tablet.client, two)
    let epoch = 0
    tablet.liePage((page) => {
      epoch = page.epoch + 1
      return { ...page, epoch, entities: past.map((row) => ({ ...row, epoch: page.epoch })) }
    })
    await tablet.client.pull()
    assert.deepEqual(tablet.told, ['server-restored'])
    assert.equal(await read(tablet.client, two), truth)
    assert.deepEqual((await phone.client.sync()).warnings, [])
  })

  test('and a mark that the operator made or changed is refused', async () => {
    const { phone, tablet, device } = await twoDevices()
    await phone.client.sync()
    const handed = (await phone.client.exportMark()) ?? ''
    const stranger = (await household()).device('stranger')
    assert.equal(await stranger.client.adoptMark(handed), false, 'another user')
    const fresh = device('new')
    for (const forged of [
      '',
      'MT1.',
      handed.slice(0, -2),
      handed.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    ]) {
      assert.equal(await fresh.client.adoptMark(forged), false, forged)
    }
    assert.deepEqual((await tablet.client.sync()).warnings, [])
  })
})

describe('what the server keeps of the account', () => {
  for (const [fact, kind] of [
    ['keys', 'keys-replaced'],
    ['kdf', 'kdf-changed'],
    ['recovery', 'recovery-replaced'],
    [`caregiver:${randomUUID()}`, 'caregiver-key-replaced'],
  ] as const satisfies [PinnedFact, Warning['kind']][]) {
    test(`${kind}: exchanged, it is not what the devices stand for`, async () => {
      const { phone, tablet, device } = await twoDevices()
      const [old, next, forged] = ['old', 'next', 'forged'].map((each) => digestOf(fact, each))
      assert.ok(old && next && forged)
      await phone.client.pin(fact, old, 'settled')
      await phone.client.sync()
      await tablet.client.sync()
      assert.equal(await tablet.client.checkPinned(fact, old), undefined)
      assert.equal((await tablet.client.checkPinned(fact, forged))?.kind, kind)
      assert.ok(tablet.told.includes(kind))

      // A change by a device of one's own: first the old and the new are both right, then only the new.
      await phone.client.pin(fact, next, 'announced')
      await phone.client.sync()
      await tablet.client.sync()
      assert.equal(await tablet.client.checkPinned(fact, old), undefined)
      assert.equal(await tablet.client.checkPinned(fact, next), undefined)
      await phone.client.pin(fact, next, 'settled')
      await phone.client.sync()
      await tablet.client.sync()
      assert.equal((await tablet.client.checkPinned(fact, old))?.kind, kind)

      // A new device knows it from the mark it was handed, before it has asked the server for anything.
      await phone.client.pull()
      const fresh = device('new')
      await fresh.client.adoptMark((await phone.client.exportMark()) ?? '')
      assert.equal((await fresh.client.checkPinned(fact, forged))?.kind, kind)
      assert.equal(await fresh.client.checkPinned(fact, next), undefined)
    })
  }
})

test('a password that was replaced, and that the operator put back, opens; but the devices stand for another key', async () => {
  const service = await startAccounts(system.roleUrlOf('medtime_accounts'), () => Date.now())
  try {
    const accounts = createAccounts({ address: service.address })
    const email = `${randomUUID()}@example.test`
    const [leaked, next] = ['Correct horse 7 staple', 'Another one 8 altogether']
    assert.ok(leaked && next)
    const signIn = async (password: string, name: string) => {
      const result = await accounts.signIn(email, password, name)
      assert.ok(result.outcome === 'signed-in')
      const token = await system.token(result.tokens.user_id, { tier: 'perfect' })
      const client = result.open({ address: system.api, token: async () => token })
      return { client, masterKey: result.masterKey, token: result.tokens.access_token }
    }
    await accounts.signUp(email, leaked)
    const { client, masterKey, token } = await signIn(leaked, 'phone')
    await client.sync()
    await withClient(system.adminUrl, (admin) => admin.query('CREATE TABLE kept AS TABLE srv_account_passwords'))
    await accounts.changePassword({ email, present: leaked, next, masterKey, token, client })
    const fresh = await signIn(next, 'laptop')
    assert.deepEqual((await fresh.client.sync()).warnings, [], 'the change was the own')

    await withClient(system.adminUrl, async (admin) => {
      await admin.query('DELETE FROM srv_account_passwords')
      await admin.query('INSERT INTO srv_account_passwords SELECT * FROM kept')
    })
    const tablet = await signIn(leaked, 'tablet')
    assert.deepEqual(kinds((await tablet.client.sync()).warnings), ['keys-replaced'])
  } finally {
    await service.stop()
  }
})

test("a caregiver's public key that was exchanged gets no key, and the verified one cannot be made forgotten", async () => {
  const [ana, carla] = [randomUUID(), randomUUID()]
  const [token, carlaToken] = [await system.token(ana, { tier: 'perfect' }), await system.token(carla)]
  const masterKeys = [createMasterKey()] as const
  const common = { address: system.api, token: async () => token, user: ana, masterKeys }
  const device = (name: string, through: typeof fetch) => {
    const generations = familyGenerations()
    const told: string[] = []
    const client = createSyncClient({ ...common, device: name, generations, fetch: through, marks: { everyMs: 0 } })
    const onNotice = ({ kind }: FamilyNotice) => void told.push(kind)
    return { client, told, family: createSupervised({ ...common, client, generations, fetch: through, onNotice }) }
  }
  const phone = device('phone', fetch)
  await phone.client.put('medication', randomUUID(), text('losartan'))
  const caregiver = createSupervisor({
    address: system.api,
    token: async () => carlaToken,
    user: carla,
    masterKeys: [createMasterKey()],
  })
  await caregiver.accept(await phone.family.invite({ entityTypes: ['medication'] }))
  const [answer] = await phone.family.answers()
  await phone.family.confirm(carla, answer?.code ?? '')
  await phone.client.sync()
  await phone.client.pull()

  // Another key in her place, for a device that knows which one was verified.
  const sent: string[] = []
  const tablet = device('tablet', async (input, init) => {
    const path = new URL(String(input)).pathname
    if (init?.method === 'POST' && path.startsWith('/family')) sent.push(path)
    const response = await fetch(input, init)
    if (path !== '/family/links') return response
    const forged = Buffer.alloc(32, 9).toString('base64')
    return new Response((await response.text()).replaceAll(/"public_key":"[^"]+"/g, `"public_key":"${forged}"`), {
      status: response.status,
    })
  })
  await tablet.family.maintain()
  assert.deepEqual([tablet.told, sent], [['other-public-key'], []])

  // And what was verified kept from a new device, so that it would verify anew.
  const liar = createLyingServer()
  liar.lie((rows) => rows.filter((row) => row.entity_type !== familyEntityType))
  const fresh = device('new', liar.fetch)
  await fresh.client.adoptMark((await phone.client.exportMark()) ?? '')
  const [warning] = (await fresh.client.sync()).warnings
  assert.deepEqual([warning?.kind, warning?.entities], ['changes-withheld', [familyEntity]])
})

test('an honest server under devices that write at the same time raises no alarm', async () => {
  const { device } = await household()
  const devices = Array.from({ length: 6 }, (_, index) => device(`device-${index}`))
  const shared = [randomUUID(), randomUUID()]
  await Promise.all(
    devices.map(async ({ client }, index) => {
      for (let round = 0; round < 4; round++) {
        await client.put('dose', randomUUID(), text(`${index} ${round}`))
        const id = shared[(index + round) % shared.length] ?? ''
        await client.put('medication', id, text(`${index} ${round}`)).catch(() => undefined)
        await client.sync()
        for (const conflict of await client.conflicts())
          await client.resolve(conflict.id, 'mine').catch(() => undefined)
      }
    }),
  )
  for (const { client } of devices) await client.sync()
  assert.deepEqual(
    devices.flatMap(({ told }) => told),
    [],
  )
})
