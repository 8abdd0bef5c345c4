import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { markType } from '../client/commitment/mark.ts'
import type { Warning } from '../client/commitment/notice.ts'
import { familyGenerations } from '../client/family/generations.ts'
import { type FamilyNotice, familyNotice } from '../client/family/notice.ts'
import { familyEntity, familyEntityType } from '../client/family/store.ts'
import { createSupervised } from '../client/family/supervised.ts'
import { createSupervisor } from '../client/family/supervisor.ts'
import { createMasterKey } from '../client/keys.ts'
import { createSyncClient, type SyncClient } from '../client/sync-client.ts'
import { assertTold, type Member, type Stage, startStage } from './household.ts'
import { copyRows, createLyingServer, type Lie, type Row, rowsOf } from './lying-server.ts'

/*
 * What a server can do to what it keeps of a person's data, each tried against devices that were opened as an app opens them. What it can
 * do to the account is in hostile-account.test.ts.
 */

let stage: Stage
let home: Home
before(async () => {
  // Nobody waits a minute for the next mark.
  stage = await startStage({ everyMs: 0 })
  home = await newHome()
})
after(() => stage?.stop())

/** A person who signed in on three devices. Opened anew in a scene, each starts with nothing but the account. */
type Home = Record<'phone' | 'tablet' | 'laptop', Member>
async function newHome(): Promise<Home> {
  const person = await stage.signUp()
  return {
    phone: await person.signIn('phone', { sdk: person.sdk }),
    tablet: await person.signIn('tablet'),
    laptop: await person.signIn('laptop'),
  }
}

const text = (value: string) => new TextEncoder().encode(value)
const read = async (client: SyncClient, id: string) => {
  const item = await client.get(id)
  return item === undefined || item.deleted ? undefined : new TextDecoder().decode(item.value)
}
const kinds = (warnings: readonly Warning[]) => warnings.map(({ kind }) => kind)
const shown = (warnings: readonly Warning[]) =>
  warnings.map(({ kind, devices, entities }) => ({ kind, devices, entities }))
/** Another account, which belongs to the operator. */
const otherAccount = () => stage.system.token(randomUUID(), { tier: 'perfect' })
const rows = ({ phone } = home) => rowsOf(stage.system.api, phone.token)
/** What becomes of each medicine. */
const medicines =
  (lie: (row: Row) => Row): Lie =>
  (all) =>
    all.map((row) => (row.entity_type === 'medication' ? lie(row) : row))

/** A new device that was handed the mark of the phone before its first sync. */
async function handed(name: 'tablet' | 'laptop', phone: SyncClient, of = home) {
  const device = of[name].open()
  assert.equal(await device.client.adoptMark((await phone.exportMark()) ?? ''), true)
  return device
}

/** A phone that wrote two medicines, of which the second was changed, and a tablet that has seen all of it but the change. */
async function twoDevices(of = home) {
  const phone = of.phone.open()
  const [one, two] = [randomUUID(), randomUUID()]
  await phone.client.put('medication', one, text('one'))
  await phone.client.put('medication', two, text('two'))
  await phone.client.sync()
  const tablet = await handed('tablet', phone.client, of)
  await tablet.client.sync()
  const past = await rows(of)
  await phone.client.put('medication', two, text('two, changed'))
  await phone.client.sync()
  assert.deepEqual([...phone.told, ...tablet.told], [], 'the truth alarms nobody')
  return { phone, tablet, one, two, past }
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
    ['a type relabelled', medicines((row) => ({ ...row, entity_type: 'dose' }))],
    ['a deletion made up', medicines((row) => ({ ...row, deleted: true }))],
    ['a version raised', medicines((row) => ({ ...row, version: row.version + 1 }))],
  ] satisfies [string, Lie][]) {
    test(`${name}: not believed, and the person is told`, async () => {
      const { phone, one } = await twoDevices()
      const fresh = await handed('laptop', phone.client)
      fresh.lie(lie)
      const report = await fresh.client.sync()
      assert.ok(report.tampering.length > 0)
      assert.ok(report.tampering.every(({ what }) => what === 'forged'))
      assert.equal(await read(fresh.client, one), undefined)
      assert.ok(kinds(report.warnings).includes('data-tampered'))
      assertTold(
        fresh.told.filter((kind) => kind !== 'changes-withheld'),
        'data-tampered',
      )
    })
  }

  test('an old version, shown to a device that saw the newer one', async () => {
    const { tablet, two, past } = await twoDevices()
    await tablet.client.sync()
    tablet.lie((rows) => [...rows, ...past.filter(({ id }) => id === two)])
    const report = await tablet.client.sync()
    assert.deepEqual(report.tampering, [{ id: two, what: 'replayed' }])
    assertTold(tablet.told, 'data-tampered')
    assert.equal(await read(tablet.client, two), 'two, changed')
  })
})

describe('what is left out is missed, because the device that wrote it vouches for it', () => {
  test('an old version in the place of the new one, shown to a device that never saw either', async () => {
    const { phone, two, past } = await twoDevices()
    const fresh = await handed('laptop', phone.client)
    fresh.lie((rows) => rows.map((row) => (row.id === two ? (past.find(({ id }) => id === two) ?? row) : row)))
    const { warnings } = await fresh.client.sync()
    assert.deepEqual(shown(warnings), [{ kind: 'changes-withheld', devices: ['phone'], entities: [two] }])
    assertTold(fresh.told, 'changes-withheld')
  })

  test('a tombstone that is dropped', async () => {
    const { phone, tablet, one } = await twoDevices()
    await tablet.client.sync()
    await phone.client.remove('medication', one)
    await phone.client.sync()
    tablet.lie((rows) => rows.filter((row) => !row.deleted))
    const { warnings } = await tablet.client.sync()
    assert.deepEqual(shown(warnings), [{ kind: 'changes-withheld', devices: ['phone'], entities: [one] }])
    assertTold(tablet.told, 'changes-withheld')
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
    assertTold(tablet.told, 'changes-withheld')
  })

  test('a mark that is withheld itself, as soon as a third device has seen it', async () => {
    const { phone, tablet, one } = await twoDevices()
    const laptop = await handed('laptop', phone.client)
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
    assert.deepEqual(shown(warnings), [{ kind: 'changes-withheld', devices: ['phone'], entities: [] }])
  })
})

describe('two histories', () => {
  /** The operator shows the tablet a copy of the account, in which it goes on alone. */
  async function forked(of = home) {
    const devices = await twoDevices(of)
    const { phone, tablet, one } = devices
    await tablet.client.sync()
    const copy = await otherAccount()
    await copyRows(stage.system.api, await rows(of), copy)
    tablet.redirect(copy)
    await phone.client.put('medication', one, text('one, on the phone'))
    await phone.client.sync()
    await tablet.client.put('medication', one, text('one, on the tablet'))
    await tablet.client.sync()
    assert.deepEqual(tablet.told, [], 'as long as nothing crosses, each looks like the other being away')
    return devices
  }

  test('are noticed when the devices compare past the server', async () => {
    const { phone, tablet } = await forked()
    assert.equal(await tablet.client.adoptMark((await phone.client.exportMark()) ?? ''), true)
    const { warnings } = await tablet.client.sync()
    assert.deepEqual(shown(warnings), [{ kind: 'state-behind-mark', devices: ['phone'], entities: [] }])
    assertTold(tablet.told, 'state-behind-mark')
  })

  test('can never be joined again unnoticed', async () => {
    // Two histories in one account: nobody else may live in it.
    const split = await newHome()
    const { tablet, one } = await forked(split)
    const mark = (await rows(split)).filter((row) => row.entity_type === markType)
    // Only the mark crosses; then the entity as well.
    tablet.lie((rows) => [...rows, ...mark.filter(({ client_id }) => client_id === 'phone')])
    const [warning] = (await tablet.client.sync()).warnings
    assert.deepEqual([warning?.kind, warning?.entities], ['devices-split', [one]])
    assertTold(tablet.told, 'devices-split')
    tablet.lie(undefined)
    tablet.redirect(undefined)
    assert.ok((await tablet.client.sync()).tampering.some(({ id, what }) => id === one && what === 'replaced'))
  })
})

describe("yesterday's state", () => {
  /** What the operator kept of an earlier day. */
  async function yesterday(past: Awaited<ReturnType<typeof rows>>) {
    const copy = await otherAccount()
    await copyRows(stage.system.api, past, copy)
    return copy
  }

  test('shown to a new device is noticed by the mark of another one; without it the device says that it has to trust', async () => {
    const { phone, past, two } = await twoDevices()
    const old = await yesterday(past)
    const trusting = home.laptop.open()
    trusting.redirect(old)
    assert.equal((await trusting.client.sync()).firstUse, true)
    assertTold(trusting.told, 'trust-on-first-use')
    assert.equal(await read(trusting.client, two), 'two', 'without a mark nobody could know')

    const fresh = await handed('laptop', phone.client)
    fresh.redirect(old)
    const { warnings, firstUse } = await fresh.client.sync()
    assert.equal(firstUse, false)
    assert.deepEqual(shown(warnings), [{ kind: 'state-behind-mark', devices: ['phone'], entities: [] }])
    assertTold(fresh.told, 'state-behind-mark')
    fresh.redirect(undefined)
    assert.deepEqual(kinds((await fresh.client.sync()).warnings), [], 'the truth contents it')
    assert.equal(await read(fresh.client, two), 'two, changed')
  })

  test('shown to a device in use is not believed', async () => {
    const { tablet, past, two } = await twoDevices()
    await tablet.client.sync()
    tablet.redirect(await yesterday(past))
    const report = await tablet.client.sync()
    assert.ok(report.tampering.some(({ id, what }) => id === two && what === 'replayed'))
    assertTold(tablet.told, 'data-tampered')
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
    const { phone, tablet } = await twoDevices()
    const mark = (await phone.client.exportMark()) ?? ''
    const stranger = createSyncClient({
      address: stage.system.api,
      token: otherAccount,
      user: randomUUID(),
      device: 'stranger',
      masterKeys: [createMasterKey()],
    })
    assert.equal(await stranger.adoptMark(mark), false, 'another user')
    const fresh = home.laptop.open()
    for (const forged of ['', 'MT1.', mark.slice(0, -2), mark.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))]) {
      assert.equal(await fresh.client.adoptMark(forged), false, forged)
    }
    assert.deepEqual((await tablet.client.sync()).warnings, [])
  })
})

test("a caregiver's public key that was exchanged gets no key, and the verified one cannot be made forgotten", async () => {
  const [ana, carla] = [randomUUID(), randomUUID()]
  const [token, carlaToken] = [await stage.system.token(ana, { tier: 'perfect' }), await stage.system.token(carla)]
  const masterKeys = [createMasterKey()] as const
  const common = { address: stage.system.api, token: async () => token, user: ana, masterKeys }
  const device = (name: string, through: typeof fetch) => {
    const generations = familyGenerations()
    const told: string[] = []
    const client = createSyncClient({ ...common, device: name, generations, fetch: through })
    const onNotice = ({ kind }: FamilyNotice) => void told.push(kind)
    return { client, told, family: createSupervised({ ...common, client, generations, fetch: through, onNotice }) }
  }
  const phone = device('phone', fetch)
  await phone.client.put('medication', randomUUID(), text('losartan'))
  const caregiver = createSupervisor({
    address: stage.system.api,
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
  const { es, en } = familyNotice('other-public-key', carla).text
  assert.match(es, /ya no es la que verificaron juntos/)
  assert.match(en, /not the one you verified together/)

  // And what was verified kept from a new device, so that it would verify anew.
  const liar = createLyingServer()
  liar.lie((rows) => rows.filter((row) => row.entity_type !== familyEntityType))
  const fresh = device('new', liar.fetch)
  await fresh.client.adoptMark((await phone.client.exportMark()) ?? '')
  const [warning] = (await fresh.client.sync()).warnings
  assert.deepEqual([warning?.kind, warning?.entities], ['changes-withheld', [familyEntity]])
})

test('an honest server under devices that write at the same time raises no alarm', async () => {
  const user = randomUUID()
  const masterKeys = [createMasterKey()] as const
  const token = await stage.system.token(user, { tier: 'perfect' })
  const told: string[] = []
  const devices = Array.from({ length: 6 }, (_, index) =>
    createSyncClient({
      address: stage.system.api,
      token: async () => token,
      user,
      device: `device-${index}`,
      masterKeys,
      marks: { everyMs: 0 },
      onNotice: ({ kind }) => told.push(kind),
    }),
  )
  const shared = [randomUUID(), randomUUID()]
  await Promise.all(
    devices.map(async (client, index) => {
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
  for (const client of devices) await client.sync()
  assert.deepEqual(
    told,
    devices.map(() => 'trust-on-first-use'),
  )
})
