import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { memoryStore } from '../local-store.ts'
import { type ServerDouble, serverDouble } from '../server-double.ts'
import { type ClientOptions, createSyncClient, type SyncClient } from '../sync-client.ts'
import { markType } from './mark.ts'
import { initialMarks } from './mark-state.ts'

const user = '3f0c1a52-0000-4000-8000-000000000001'
const text = (value: string) => new TextEncoder().encode(value)
const masterKeys = [new Uint8Array(32).fill(7)] as const

function device(
  name: string,
  server: Pick<ServerDouble, 'fetch'>,
  options: Partial<ClientOptions> = {},
  marks: Pick<ClientOptions, 'marks'> = { marks: { everyMs: 0 } },
): SyncClient {
  return createSyncClient({
    address: 'http://server.test',
    token: async () => 'token',
    user,
    device: name,
    masterKeys,
    clock: { now: () => Date.UTC(2026, 0, 1), sleep: async () => {} },
    random: () => 0.5,
    fetch: server.fetch,
    ...marks,
    ...options,
  })
}

const marksOn = (server: ServerDouble) => [...server.rows().values()].filter((row) => row.entity_type === markType)

describe('a mark', () => {
  test('is written when there is something to vouch for, and nobody sees it as content', async () => {
    const server = serverDouble(10)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    await tablet.sync()
    assert.equal(marksOn(server).length, 0, 'who wrote nothing has nothing to say')
    const id = randomUUID()
    await phone.put('dose', id, text('one'))
    const report = await phone.sync()
    assert.deepEqual(
      report.pushed.map((each) => each.id),
      [id],
    )
    assert.equal(marksOn(server).length, 1)
    const pulled = await tablet.sync()
    assert.deepEqual([pulled.pulled, pulled.warnings], [[id], []])
    assert.deepEqual(
      (await tablet.list()).map((item) => item.id),
      [id],
    )
    await assert.rejects(phone.put(markType, randomUUID(), text('mine')), RangeError)
  })

  test('comes to rest: devices that have nothing new to say send none', async () => {
    const server = serverDouble(10)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    for (const each of [phone, tablet, phone, tablet]) {
      await each.put('dose', randomUUID(), text('one'))
      await each.sync()
    }
    const versions = marksOn(server).map(({ version }) => version)
    for (const each of [phone, tablet, phone, tablet]) await each.sync()
    assert.deepEqual(
      marksOn(server).map(({ version }) => version),
      versions,
    )
  })

  test('moves its claims into leaves that never change again, and a new device reads them all', async () => {
    const server = serverDouble(100)
    const phone = device('phone', server)
    for (let round = 0; round < 3; round++) {
      for (let dose = 0; dose < 130; dose++) await phone.put('dose', randomUUID(), text(`${round} ${dose}`))
      assert.deepEqual((await phone.sync()).warnings, [])
    }
    assert.equal(marksOn(server).length, 1 + 3, 'a head and three leaves of 128 claims')
    const versions = marksOn(server).map(({ version }) => version)
    assert.deepEqual(versions.toSorted(), [1, 1, 1, 3])
    const fresh = device('new', server)
    const { pulled, warnings } = await fresh.sync()
    assert.deepEqual([pulled.length, warnings], [390, []])
  })

  test('is not written more often than asked for', async () => {
    const server = serverDouble(10)
    let now = Date.UTC(2026, 0, 1)
    const phone = device('phone', server, {
      marks: { everyMs: 60_000 },
      clock: { now: () => now, sleep: async () => {} },
    })
    for (let minute = 0; minute < 4; minute++) {
      await phone.put('dose', randomUUID(), text('one'))
      await phone.sync()
      now += 30_000
    }
    assert.deepEqual(
      marksOn(server).map(({ version }) => version),
      [2],
    )
  })

  test('survives that its device forgets everything: it goes on from what the server has', async () => {
    const server = serverDouble(10)
    const before = device('phone', server)
    await before.put('dose', randomUUID(), text('one'))
    await before.sync()
    const after = device('phone', server)
    await after.put('dose', randomUUID(), text('two'))
    assert.deepEqual((await after.sync()).warnings, [])
    const tablet = device('tablet', server)
    assert.deepEqual((await tablet.sync()).warnings, [])
    assert.equal(marksOn(server).length, 1)
  })
})

/** Something more for everybody, by a device that keeps no mark: nobody's view is that of another then, and every claim is looked at. */
async function addSomething(server: ServerDouble): Promise<void> {
  const laptop = device('laptop', server, {}, {})
  await laptop.put('dose', randomUUID(), text('more'))
  await laptop.push()
}

interface Page {
  entities: { id: string }[]
}

describe('what looks like a lie and is none', () => {
  test('an entity that is written again while its page is read comes with a later page', async () => {
    const server = serverDouble(100)
    const phone = device('phone', server)
    const id = randomUUID()
    let racing = false
    const tablet = device('tablet', {
      fetch: async (input, init) => {
        const response = await server.fetch(input, init)
        if (!racing || !String(input).includes('/sync/pull')) return response
        racing = false
        // The page was chosen; before its rows are read, one of them moves behind its end.
        const page: Page = await response.json()
        await phone.put('dose', id, text('three'))
        await phone.push()
        return Response.json({ ...page, entities: page.entities.filter((row) => row.id !== id) })
      },
    })
    await phone.put('dose', id, text('one'))
    await phone.sync()
    await tablet.sync()
    await phone.put('dose', id, text('two'))
    await phone.sync()
    racing = true
    assert.deepEqual((await tablet.sync()).warnings, [])
    assert.equal(new TextDecoder().decode((await tablet.get(id))?.value), 'three')
  })

  test('a deletion that was cleared away, while the device that wrote the entity is off', async () => {
    const server = serverDouble(100)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    const id = randomUUID()
    await phone.put('dose', id, text('one'))
    await phone.sync()
    await tablet.sync()
    await tablet.remove('dose', id)
    await tablet.sync()
    const fresh = device('new', {
      fetch: async (input, init) => {
        const response = await server.fetch(input, init)
        if (!String(input).includes('/sync/pull')) return response
        const page: Page = await response.json()
        return Response.json({ ...page, entities: page.entities.filter((row) => row.id !== id) })
      },
    })
    assert.equal(await fresh.adoptMark((await tablet.exportMark()) ?? ''), true)
    assert.deepEqual((await fresh.sync()).warnings, [])
  })

  test('a write that waits for a decision: it is not vouched for', async () => {
    const server = serverDouble(100)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    const id = randomUUID()
    await phone.put('dose', id, text('one'))
    await phone.push()
    await tablet.sync()
    await tablet.put('dose', id, text('two, on the tablet'))
    await tablet.sync()
    await phone.put('dose', id, text('two, on the phone'))
    assert.deepEqual((await phone.sync()).conflicts, [id])
    assert.equal(marksOn(server).length, 2)
    await addSomething(server)
    for (const each of [tablet, device('new', server)]) assert.deepEqual((await each.sync()).warnings, [])
  })

  test('a leaf that the server refuses: the mark does not speak of it', async () => {
    const server = serverDouble(100)
    // Leaves go first.
    let leaf: string | undefined
    const phone = device('phone', {
      fetch: async (input, init) => {
        const body: { entities: { id: string; entity_type: string }[] } = JSON.parse(
          String(init?.body ?? '{"entities":[]}'),
        )
        const index = body.entities.findIndex(({ id, entity_type }) => entity_type === markType && id === (leaf ?? id))
        if (index < 0) return server.fetch(input, init)
        const { id } = body.entities[index] ?? { id: '' }
        leaf = id
        const rejected = [{ index, id, reason: 'too_large', detail: '' }]
        return Response.json({ code: 'REJECTED', conflicts: [], rejected }, { status: 422 })
      },
    })
    for (let dose = 0; dose < 130; dose++) await phone.put('dose', randomUUID(), text(`${dose}`))
    const { setAside, warnings } = await phone.sync()
    assert.deepEqual([setAside, warnings, marksOn(server)], [[], [], []])
  })
})

test('a write whose acknowledgement was lost is vouched for as well, once it is met on the server', async () => {
  const server = serverDouble(100)
  let lose = true
  const phone = device('phone', {
    fetch: async (input, init) => {
      const response = await server.fetch(input, init)
      if (lose && init?.method === 'POST') throw new TypeError('fetch failed')
      return response
    },
  })
  const id = randomUUID()
  await phone.put('dose', id, text('one'))
  await assert.rejects(phone.sync())
  lose = false
  await phone.sync()
  const fresh = device('new', {
    fetch: async (input, init) => {
      const response = await server.fetch(input, init)
      if (!String(input).includes('/sync/pull')) return response
      const page: Page = await response.json()
      return Response.json({ ...page, entities: page.entities.filter((row) => row.id !== id) })
    },
  })
  assert.deepEqual(
    (await fresh.sync()).warnings.map(({ kind, entities }) => ({ kind, entities })),
    [{ kind: 'changes-withheld', entities: [id] }],
  )
})

test('a device that was away for months gives up what is said to be deleted, and is told when nobody deleted it', async () => {
  const server = serverDouble(100)
  const phone = device('phone', server)
  const [stopped, taken] = [randomUUID(), randomUUID()]
  let now = Date.UTC(2026, 0, 1)
  let cleared = false
  let expired = false
  const tablet = device(
    'tablet',
    {
      fetch: async (input, init) => {
        const url = new URL(String(input))
        if (!cleared || url.pathname !== '/sync/pull') return server.fetch(input, init)
        if (url.searchParams.has('cursor') && !expired) {
          expired = true
          return Response.json({ code: 'CURSOR_EXPIRED' }, { status: 400 })
        }
        const page: Page = await (await server.fetch(input, init)).json()
        // One was deleted and its tombstone cleared away; the other is kept back.
        return Response.json({ ...page, entities: page.entities.filter(({ id }) => id !== stopped && id !== taken) })
      },
    },
    { clock: { now: () => now, sleep: async () => {} } },
  )
  await phone.put('medication', stopped, text('one'))
  await phone.put('medication', taken, text('two'))
  // So many that what is vouched for stands in a leaf, which is read once.
  for (let dose = 0; dose < 130; dose++) await phone.put('dose', randomUUID(), text(`${dose}`))
  await phone.sync()
  await tablet.sync()
  await phone.remove('medication', stopped)
  await phone.sync()
  now += 100 * 86_400_000
  cleared = true
  const { dropped, warnings } = await tablet.pull()
  assert.deepEqual(dropped.toSorted(), [stopped, taken].toSorted())
  assert.deepEqual(
    warnings.map(({ kind, entities }) => ({ kind, entities })),
    [{ kind: 'changes-withheld', entities: [taken] }],
  )
})

test('a device from before there were marks vouches for what it had written then', async () => {
  const server = serverDouble(100)
  const store = memoryStore()
  const before = device('phone', server, { store })
  const [written, read] = [randomUUID(), randomUUID()]
  await before.put('dose', written, text('one'))
  await before.push()
  const laptop = device('laptop', server)
  await laptop.put('dose', read, text('of another'))
  await laptop.push()
  await before.pull()
  await store.save([], { ...(await store.state()), marks: initialMarks })

  await device('phone', server, { store }).sync()
  assert.equal(marksOn(server).length, 1)
  const without = (id: string) =>
    device('new', {
      fetch: async (input, init) => {
        const response = await server.fetch(input, init)
        if (!String(input).includes('/sync/pull')) return response
        const page: Page = await response.json()
        return Response.json({ ...page, entities: page.entities.filter((row) => row.id !== id) })
      },
    })
  const { warnings } = await without(written).sync()
  assert.deepEqual(
    warnings.map(({ kind, entities }) => ({ kind, entities })),
    [{ kind: 'changes-withheld', entities: [written] }],
  )
  assert.deepEqual((await without(read).sync()).warnings, [], 'what nobody vouched for nobody can miss')
})

test('whoever starts without a mark is told once that it had to trust; whoever was handed one is not', async () => {
  const server = serverDouble(100)
  const phone = device('phone', server)
  await phone.put('dose', randomUUID(), text('one'))
  assert.equal((await phone.sync()).firstUse, true)
  const store = memoryStore()
  const told: string[] = []
  const tablet = () => device('tablet', server, { store, onNotice: ({ kind }) => told.push(kind) })
  assert.equal((await tablet().sync()).firstUse, true)
  assert.equal((await tablet().sync()).firstUse, false)
  assert.deepEqual(told, ['trust-on-first-use'])
  const laptop = device('laptop', server, { onNotice: ({ kind }) => told.push(kind) })
  await laptop.adoptMark((await phone.exportMark()) ?? '')
  assert.equal((await laptop.sync()).firstUse, false)
  assert.equal(told.length, 1)
})

describe('after a restore of the server', () => {
  test('a device that lacks what others have not brought back yet is told so, and no more once they have', async () => {
    const server = serverDouble(10)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    const handed: (string | undefined)[] = []
    await phone.put('dose', randomUUID(), text('kept'))
    await phone.sync()
    await tablet.sync()
    const id = randomUUID()
    await phone.put('dose', id, text('lost'))
    await phone.sync()
    await phone.pull()
    handed.push(await phone.exportMark())
    server.restore(2)
    const fresh = device('new', server)
    assert.equal(await fresh.adoptMark(handed[0] ?? ''), true)
    const first = await fresh.sync()
    assert.deepEqual(
      first.warnings.map(({ kind, devices }) => ({ kind, devices })),
      [{ kind: 'restore-incomplete', devices: ['phone'] }],
    )
    assert.deepEqual((await fresh.sync()).warnings, [], 'told once')
    const back = await phone.sync()
    assert.deepEqual([back.warnings, back.pushAgain], [[], [id]])
    assert.deepEqual((await fresh.sync()).warnings, [])
    assert.deepEqual((await tablet.sync()).warnings, [])
    assert.equal(new TextDecoder().decode((await fresh.get(id))?.value), 'lost')
  })

  test('what a person gave up in favour of another history is not vouched for any more', async () => {
    const server = serverDouble(10)
    const [phone, tablet] = [device('phone', server), device('tablet', server)]
    const id = randomUUID()
    await phone.put('dose', id, text('one'))
    await phone.sync()
    await tablet.sync()
    let commits = 0
    for (const version of ['two', 'three']) {
      await phone.put('dose', id, text(version))
      await phone.sync()
      // The entity, and the mark.
      commits += 2
    }
    server.restore(commits)
    await tablet.put('dose', id, text('two, after the restore'))
    await tablet.sync()
    assert.deepEqual((await phone.sync()).conflicts, [id])
    await phone.resolve(id, 'theirs')
    assert.deepEqual((await phone.sync()).warnings, [])
    assert.equal(server.rows().get(id)?.version, 2, 'below what the phone had vouched for')
    await addSomething(server)
    for (const each of [tablet, device('new', server)]) assert.deepEqual((await each.sync()).warnings, [])
  })
})
