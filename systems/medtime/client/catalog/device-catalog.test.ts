import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamagedCatalogError, openDeviceCatalog } from './device-catalog.ts'
import { digestOf } from './digest.ts'
import type { Medicine } from './medicine.ts'
import { pack } from './packed.ts'

const medicine = (index: number, name: string, strength = '5 mg'): Medicine => ({
  id: index.toString(16).padStart(16, '0'),
  names: { es: name },
  ingredients: [name],
  atc: ['A01AA01'],
  aliases: [['brand', `${name}ol`]],
  forms: ['tablet'],
  strengths: [strength],
  codes: { rxnorm: [], ema: [], sat: [] },
  sources: ['starter'],
  rank: 0,
})

/** A server with versions of a catalog; `spoil` changes an answer on its way. */
function serverWith(versions: readonly (readonly Medicine[])[]) {
  const asked: (string | null)[] = []
  let spoil: (answer: Record<string, unknown>) => Record<string, unknown> = (answer) => answer
  let present = versions.length
  const answer = (since: number | undefined) => {
    const now = versions[present - 1] ?? []
    const before = since === undefined ? undefined : versions[since - 1]
    const known = new Map((before ?? []).map((each) => [each.id, JSON.stringify(each)]))
    return spoil({
      version: present,
      since: before === undefined ? null : since,
      digest: digestOf(now),
      medicines: now.filter((each) => known.get(each.id) !== JSON.stringify(each)).map(pack),
      removed: [...known.keys()].filter((id) => !now.some((each) => each.id === id)),
      lists: [],
    })
  }
  let kept: string | undefined
  const open = () =>
    openDeviceCatalog({
      address: () => 'http://server.test',
      token: async () => 'token',
      clock: { now: () => 0, sleep: async () => undefined },
      random: () => 0,
      signal: undefined,
      keeper: {
        load: async () => kept,
        save: async (text) => {
          kept = text
        },
      },
      fetch: async (url) => {
        const since = new URL(String(url)).searchParams.get('since')
        asked.push(since)
        return Response.json(answer(since === null ? undefined : Number(since)))
      },
    })
  return {
    asked,
    open,
    spoilWith: (by: typeof spoil) => {
      spoil = by
    },
    turnTo: (version: number) => {
      present = version
    },
    damageKept: () => {
      kept = '{"version":1,"medicines":[["torn'
    },
  }
}

const first = [medicine(1, 'alfadina'), medicine(2, 'betadona')]
const second = [medicine(1, 'alfadina', '9 mg'), medicine(3, 'gamatol')]

test('a device takes the whole catalog once, then what changed, and keeps it between runs', async () => {
  const server = serverWith([first, second])
  server.turnTo(1)
  const phone = await server.open()
  assert.equal(await phone.refresh(), 'changed')
  assert.equal(await phone.refresh(), 'unchanged')
  server.turnTo(2)
  const later = await server.open()
  assert.deepEqual([later.version(), later.size()], [1, 2], 'from what was kept')
  assert.equal(later.search('betadonaol')[0]?.name, 'betadona')
  assert.equal(await later.refresh(), 'changed')
  assert.deepEqual(later.search('betadona'), [])
  assert.deepEqual(later.search('alfadina')[0]?.strengths, ['9 mg'])
  assert.deepEqual(server.asked, [null, '1', '1'], 'searching asks nobody')
})

test('a difference that does not make the catalog of the server is not believed: everything is taken anew', async () => {
  const server = serverWith([first, second])
  server.turnTo(1)
  const phone = await server.open()
  await phone.refresh()
  server.turnTo(2)
  server.spoilWith((answer) => (answer['since'] === null ? answer : { ...answer, removed: [] }))
  assert.equal(await phone.refresh(), 'changed')
  assert.deepEqual([phone.version(), phone.size(), server.asked], [2, 2, [null, '1', null]])
})

test('a catalog that is not what its digest says is refused, and the old one stays', async () => {
  const server = serverWith([first, second])
  server.turnTo(1)
  const phone = await server.open()
  await phone.refresh()
  server.turnTo(2)
  // Ten times the strength under the digest of the true one.
  server.spoilWith((answer) => ({ ...answer, medicines: [pack(medicine(1, 'alfadina', '90 mg'))] }))
  await assert.rejects(phone.refresh(), DamagedCatalogError)
  assert.deepEqual([phone.version(), phone.search('alfadina')[0]?.strengths], [1, ['5 mg']])
})

test('a kept catalog that cannot be read is as if there were none', async () => {
  const server = serverWith([first])
  server.damageKept()
  const phone = await server.open()
  assert.deepEqual([phone.version(), phone.search('alfadina')], [0, []])
  assert.equal(await phone.refresh(), 'changed')
  assert.equal(phone.medicine(first[0]?.id ?? '')?.names.es, 'alfadina')
})
