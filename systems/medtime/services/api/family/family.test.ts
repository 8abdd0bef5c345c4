import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { startService } from '../../../exercise/processes.ts'
import { uuidOf, wireEntity } from '../../../exercise/wire.ts'
import { startSystem, type TestSystem } from '../../../test/system.ts'
import { acceptanceAnswer, invitesAnswer, keysAnswer, linksAnswer } from './wire.ts'

let system: TestSystem
before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const random32 = () => randomBytes(32).toString('base64')

type Person = Awaited<ReturnType<typeof person>>

/** A person with a token. */
async function person() {
  const user = randomUUID()
  const token = await system.token(user)
  const call = async (method: string, path: string, body?: unknown, api = system.api) => {
    const response = await fetch(api + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: JSON.parse(await response.text()) }
  }
  return { user, call }
}

/** Ana's invite, and its secret. */
async function inviteOf(ana: Person, changes: Record<string, unknown> = {}) {
  const secret = randomBytes(32)
  const invite_id = randomUUID()
  const { status } = await ana.call('POST', '/family/invites', {
    invite_id,
    secret_hash: sha256(secret).toString('base64'),
    commitment: random32(),
    entity_types: ['dose'],
    access_days: null,
    ...changes,
  })
  assert.equal(status, 200)
  return { supervised: ana.user, invite_id, secret: secret.toString('base64') }
}

const answerTo = (invite: Record<'supervised' | 'invite_id' | 'secret', string>) => ({
  ...invite,
  public_key: random32(),
  nonce: random32(),
  tag: random32(),
})

/** Two people linked up to a step. */
async function linked(until: 'pending' | 'active', changes: Record<string, unknown> = {}) {
  const [ana, carla] = [await person(), await person()]
  const accepted = await carla.call('POST', '/family/accept', answerTo(await inviteOf(ana, changes)))
  assert.equal(accepted.status, 200)
  const reveal = { public_key: random32(), nonce: random32() }
  assert.equal((await ana.call('POST', `/family/supervisors/${carla.user}/reveal`, reveal)).status, 200)
  if (until === 'active') {
    assert.equal((await ana.call('POST', `/family/supervisors/${carla.user}/confirm`, { keys: [] })).status, 200)
  }
  return { ana, carla }
}

const statusAndCode = ({ status, json }: { status: number; json: { code?: string } }) => `${status} ${json.code ?? ''}`

test('a supervisor reads from the moment the other side confirms until either side revokes', async () => {
  for (const side of ['supervised', 'supervisor']) {
    const { ana, carla } = await linked('pending')
    const read = async () => statusAndCode(await carla.call('GET', `/family/${ana.user}/pull`))
    assert.equal(await read(), '404 NO_LINK', 'not yet')
    await ana.call('POST', `/family/supervisors/${carla.user}/confirm`, { keys: [] })
    assert.equal(await read(), '200 ')
    const [who, path] =
      side === 'supervised' ? [ana, `/family/supervisors/${carla.user}`] : [carla, `/family/supervised/${ana.user}`]
    assert.equal((await who.call('DELETE', path)).status, 200)
    assert.equal(await read(), '404 NO_LINK', `revoked by the ${side}`)
  }
})

const asAdmin = (sql: string, values: unknown[]) => withClient(system.adminUrl, (client) => client.query(sql, values))

const pushed = (ana: Person, ...entities: ReturnType<typeof wireEntity>[]) =>
  ana.call('POST', '/sync/push', { device_id: 'phone', entities })

const dose = (name: string, type = 'dose') => wireEntity({ id: uuidOf(name), type, bytes: Buffer.from(name) })

/** An error but for the number of its request. */
const bare = ({ status, json }: Awaited<ReturnType<Person['call']>>) => ({ status, json: { ...json, request_id: '' } })

test('every answer has the form that the description gives it', async () => {
  const { ana, carla } = await linked('active')
  const invite = await inviteOf(ana, { entity_types: ['dose', 'dose'], access_days: 30 })
  invitesAnswer.parse((await ana.call('GET', '/family/invites')).json)
  acceptanceAnswer.parse((await (await person()).call('POST', '/family/accept', answerTo(invite))).json)
  const key = { collection: 'dose', key_id: 'k', sealed: randomBytes(80).toString('base64') }
  assert.equal((await ana.call('POST', `/family/supervisors/${carla.user}/keys`, { keys: [key, key] })).status, 200)
  assert.deepEqual(keysAnswer.parse((await carla.call('GET', `/family/${ana.user}/keys`)).json), { keys: [key] })
  const { supervisors } = linksAnswer.parse((await ana.call('GET', '/family/links')).json)
  assert.deepEqual(
    supervisors.map(({ status, entity_types }) => [status, entity_types]),
    [
      ['active', ['dose']],
      ['pending', ['dose']],
    ],
  )
  assert.equal(linksAnswer.parse((await carla.call('GET', '/family/links')).json).supervised[0]?.user_id, ana.user)
})

test('of two who hold one invite and answer at once, one is let in', async () => {
  const ana = await person()
  const invite = await inviteOf(ana)
  const people = await Promise.all(Array.from({ length: 6 }, person))
  const answers = await Promise.all(people.map((who) => who.call('POST', '/family/accept', answerTo(invite))))
  assert.deepEqual(answers.map(statusAndCode).sort(), ['200 ', ...Array(5).fill('404 INVITE_INVALID')])
  assert.equal((await ana.call('GET', '/family/links')).json.supervisors.length, 1)
})

test('whatever is wrong with an invite, the answer is the same', async () => {
  const [ana, mallory] = [await person(), await person()]
  const used = await inviteOf(ana)
  await (await person()).call('POST', '/family/accept', answerTo(used))
  const over = await inviteOf(ana)
  await asAdmin(`UPDATE srv_family_invites SET expires_at = now() WHERE invite_id = $1`, [over.invite_id])
  const withdrawn = await inviteOf(ana)
  assert.equal((await ana.call('DELETE', `/family/invites/${withdrawn.invite_id}`)).status, 200)
  const open = await inviteOf(ana)
  const accept = async (invite: Parameters<typeof answerTo>[0], by = mallory) =>
    bare(await by.call('POST', '/family/accept', answerTo(invite)))
  const nobody = await accept({ supervised: randomUUID(), invite_id: randomUUID(), secret: random32() })
  assert.equal(statusAndCode(nobody), '404 INVITE_INVALID')
  for (const invite of [
    used,
    over,
    withdrawn,
    { ...open, secret: random32() },
    { ...open, invite_id: randomUUID() },
    { ...open, supervised: randomUUID() },
    { ...open, supervised: mallory.user },
  ]) {
    assert.deepEqual(await accept(invite), nobody)
  }
  assert.deepEqual(await accept(open, ana), nobody, 'one’s own')
  assert.equal((await accept(open)).status, 200, 'and none of it used the invite up')
})

test('whatever is wrong with a link, and whether there is such a person, the answer is the same', async () => {
  const paths = (user: string) => [`/family/${user}/pull`, `/family/${user}/keys`]
  const reads = async (carla: Person, user: string) =>
    Promise.all(paths(user).map(async (path) => bare(await carla.call('GET', path))))
  const nobody = await reads(await person(), randomUUID())
  assert.deepEqual(nobody.map(statusAndCode), ['404 NO_LINK', '404 NO_LINK'])

  const pending = await linked('pending')
  assert.deepEqual(await reads(pending.carla, pending.ana.user), nobody, 'pending')
  const { ana, carla } = await linked('active')
  await pushed(ana, dose('one'))
  assert.deepEqual(await reads(await person(), ana.user), nobody, 'a third party')
  assert.deepEqual(await reads(ana, carla.user), nobody, 'not the other way')
  assert.equal((await carla.call('GET', `/family/${ana.user}/pull`)).json.entities.length, 1)
  await asAdmin('UPDATE srv_family_links SET expires_at = now() WHERE supervised_user_id = $1', [ana.user])
  assert.deepEqual(await reads(carla, ana.user), nobody, 'over')
  const revoked = await linked('active')
  await revoked.ana.call('DELETE', `/family/supervisors/${revoked.carla.user}`)
  assert.deepEqual(await reads(revoked.carla, revoked.ana.user), nobody, 'revoked')
  for (const path of [`/family/supervisors/${ana.user}`, `/family/supervised/${ana.user}`]) {
    assert.equal(statusAndCode(await (await person()).call('DELETE', path)), '404 NO_LINK')
  }
})

test('a link that is over is said to be, and cannot be confirmed any more', async () => {
  const { ana, carla } = await linked('pending', { access_days: 1 })
  await asAdmin('UPDATE srv_family_links SET expires_at = now() WHERE supervised_user_id = $1', [ana.user])
  assert.equal((await ana.call('GET', '/family/links')).json.supervisors[0].status, 'expired')
  const confirmed = await ana.call('POST', `/family/supervisors/${carla.user}/confirm`, { keys: [] })
  assert.equal(statusAndCode(confirmed), '404 NO_LINK')
  const again = await carla.call('POST', '/family/accept', answerTo(await inviteOf(ana)))
  assert.equal(again.status, 200, 'a new invite begins anew')
})

test('access lasts as long as the invite said', async () => {
  const { ana } = await linked('active', { access_days: 30 })
  const [link] = (await ana.call('GET', '/family/links')).json.supervisors
  const days = (Date.parse(link.expires_at) - Date.now()) / 86_400_000
  assert.ok(days > 29.9 && days <= 30, String(days))
})

test('what was revoked stays so, and what was revealed cannot be taken back', async () => {
  const { ana, carla } = await linked('pending')
  const other = { public_key: random32(), nonce: random32() }
  assert.equal(statusAndCode(await ana.call('POST', `/family/supervisors/${carla.user}/reveal`, other)), '404 NO_LINK')
  await carla.call('DELETE', `/family/supervised/${ana.user}`)
  for (const step of ['confirm', 'keys']) {
    const answer = await ana.call('POST', `/family/supervisors/${carla.user}/${step}`, { keys: [] })
    assert.equal(statusAndCode(answer), '404 NO_LINK', step)
  }
})

test('only what the link names is given, in pages that miss nothing', async () => {
  const { ana, carla } = await linked('active')
  const doses = Array.from({ length: 7 }, (_, index) => dose(`dose-${index}`))
  const notes = Array.from({ length: 7 }, (_, index) => dose(`note-${index}`, 'journal'))
  await pushed(ana, ...doses.flatMap((entity, index) => [entity, ...notes.slice(index, index + 1)]))
  const found: string[] = []
  let query = 'limit=3'
  for (;;) {
    const { json } = await carla.call('GET', `/family/${ana.user}/pull?${query}`)
    found.push(...json.entities.map(({ id }: { id: string }) => id))
    query = `limit=3&cursor=${json.cursor}`
    if (!json.has_more) break
  }
  assert.deepEqual(
    found,
    doses.map(({ id }) => id),
  )
})

test('a cursor serves the pair and the link it was given to, and no other', async () => {
  const { ana, carla } = await linked('active')
  const other = await linked('active')
  const cursorOf = async (who: Person, path: string) => (await who.call('GET', path)).json.cursor
  const mine = await cursorOf(carla, `/family/${ana.user}/pull`)
  const read = async (who: Person, of: string, cursor: string) =>
    statusAndCode(await who.call('GET', `/family/${of}/pull?cursor=${encodeURIComponent(cursor)}`))
  assert.equal(await read(carla, ana.user, mine), '200 ')
  for (const foreign of [
    await cursorOf(carla, '/sync/pull'),
    await cursorOf(ana, '/sync/pull'),
    await cursorOf(other.carla, `/family/${other.ana.user}/pull`),
    `${mine}A`,
    mine.replace(/^./, (digit: string) => (digit === '0' ? '1' : '0')),
  ]) {
    assert.equal(await read(carla, ana.user, foreign), '400 BAD_CURSOR')
  }
  const own = await carla.call('GET', `/sync/pull?cursor=${encodeURIComponent(mine)}`)
  assert.equal(statusAndCode(own), '400 BAD_CURSOR')
  await ana.call('DELETE', `/family/supervisors/${carla.user}`)
  await carla.call('POST', '/family/accept', answerTo(await inviteOf(ana, { entity_types: ['dose', 'journal'] })))
  await ana.call('POST', `/family/supervisors/${carla.user}/reveal`, { public_key: random32(), nonce: random32() })
  await ana.call('POST', `/family/supervisors/${carla.user}/confirm`, { keys: [] })
  assert.equal(await read(carla, ana.user, mine), '400 BAD_CURSOR', 'the new link shares more')
})

test('a restore of one person’s rows sends her supervisors to the start', async () => {
  const { ana, carla } = await linked('active')
  await pushed(ana, dose('restored'))
  const { json } = await carla.call('GET', `/family/${ana.user}/pull`)
  await asAdmin('SELECT srv_bring_back($1)', [ana.user])
  const told = await carla.call('GET', `/family/${ana.user}/pull?cursor=${json.cursor}`)
  assert.equal(statusAndCode(told), '410 EPOCH_CHANGED')
  const anew = await carla.call('GET', `/family/${ana.user}/pull?cursor=${told.json.cursor}`)
  assert.equal(anew.json.entities.length, 1)
})

test('a supervisor who was away while tombstones were removed is told to walk anew', async () => {
  const { ana, carla } = await linked('active')
  await pushed(ana, dose('kept'), dose('stopped'))
  const { json } = await carla.call('GET', `/family/${ana.user}/pull`)
  await asAdmin('UPDATE srv_users SET floor = sequence + 1 WHERE user_id = $1', [ana.user])
  const read = async (query: string) => carla.call('GET', `/family/${ana.user}/pull${query}`)
  assert.equal(statusAndCode(await read(`?cursor=${json.cursor}`)), '412 CURSOR_EXPIRED')
  const anew = await read('')
  assert.equal(statusAndCode(await read(`?cursor=${anew.json.cursor}`)), '200 ', 'and that walk comes to its end')
})

test('one who was here meanwhile is not, however long ago the last shared change was', async () => {
  const { ana, carla } = await linked('active')
  await pushed(ana, dose('shared'))
  await pushed(ana, dose('not shared', 'journal'), dose('nor this', 'journal'))
  const { json } = await carla.call('GET', `/family/${ana.user}/pull`)
  await asAdmin('UPDATE srv_users SET floor = sequence WHERE user_id = $1', [ana.user])
  const again = await carla.call('GET', `/family/${ana.user}/pull?cursor=${json.cursor}`)
  assert.deepEqual([statusAndCode(again), again.json.entities], ['200 ', []])
  await pushed(ana, dose('later'))
  const later = await carla.call('GET', `/family/${ana.user}/pull?cursor=${again.json.cursor}`)
  assert.equal(later.json.entities.length, 1)
})

test('a cursor does not tell how much the supervised writes', async () => {
  const { ana, carla } = await linked('active')
  const cursor = async () => (await carla.call('GET', `/family/${ana.user}/pull`)).json.cursor.split('.')[1]
  const [one, other] = [await cursor(), await cursor()]
  assert.notEqual(one, other, 'not even whether anything was written')
  assert.equal(one.length, other.length)
})

test('a supervisor’s push makes rows of her own and changes none of another', async () => {
  const { ana, carla } = await linked('active')
  await pushed(ana, dose('hers'))
  const over = wireEntity({ id: uuidOf('hers'), type: 'dose', version: 2, bytes: Buffer.from('overwritten') })
  assert.equal((await carla.call('POST', '/sync/push', { device_id: 'phone', entities: [over] })).status, 409)
  const { json } = await ana.call('GET', '/sync/pull')
  assert.deepEqual(
    json.entities.map(({ version }: { version: number }) => version),
    [1],
  )
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    const body = method === 'DELETE' ? undefined : { entities: [over] }
    assert.equal((await carla.call(method, `/family/${ana.user}/pull`, body)).status, 404, method)
  }
  const key = { collection: 'dose', key_id: 'k', sealed: randomBytes(80).toString('base64') }
  for (const step of ['confirm', 'keys', 'reveal']) {
    const body = step === 'reveal' ? { public_key: random32(), nonce: random32() } : { keys: [key] }
    assert.equal((await carla.call('POST', `/family/supervisors/${ana.user}/${step}`, body)).status, 404, step)
  }
})

test('links are listed to the two they are between', async () => {
  const { ana, carla } = await linked('active')
  const stranger = await person()
  assert.deepEqual((await stranger.call('GET', '/family/links')).json, { supervisors: [], supervised: [] })
  assert.deepEqual((await stranger.call('GET', '/family/invites')).json, { invites: [] })
  await inviteOf(ana)
  assert.deepEqual((await carla.call('GET', '/family/invites')).json, { invites: [] })
})

test('five invites are open at once, and no more', async () => {
  const ana = await person()
  const invites = await Promise.all(Array.from({ length: 5 }, () => inviteOf(ana)))
  const sixth = {
    invite_id: randomUUID(),
    secret_hash: random32(),
    commitment: random32(),
    entity_types: ['dose'],
    access_days: null,
  }
  const open = async () => statusAndCode(await ana.call('POST', '/family/invites', sixth))
  assert.deepEqual(await Promise.all([open(), open(), open()]), Array(3).fill('409 FAMILY_LIMIT'))
  await ana.call('DELETE', `/family/invites/${invites[0]?.invite_id}`)
  assert.deepEqual([await open(), await open()], ['200 ', '200 '], 'the same again is a replay')
})

test('revoked at one instance is revoked at every other', async () => {
  const second = await startService('api', { DATABASE_URL: system.roleUrl, ISSUER_URL: system.issuer })
  try {
    const { ana, carla } = await linked('active')
    const read = async (api: string) =>
      statusAndCode(await carla.call('GET', `/family/${ana.user}/pull`, undefined, api))
    assert.deepEqual([await read(system.api), await read(second.address)], ['200 ', '200 '])
    await ana.call('DELETE', `/family/supervisors/${carla.user}`, undefined, second.address)
    assert.deepEqual([await read(system.api), await read(second.address)], ['404 NO_LINK', '404 NO_LINK'])
  } finally {
    await second.stop()
  }
})

test('what is not of the agreed shape is refused, and nothing of it comes back', async () => {
  const ana = await person()
  const mark = 'PARACETAMOL7731'
  for (const [method, path, body] of [
    ['POST', '/family/invites', { invite_id: mark }],
    ['POST', '/family/accept', { ...answerTo({ supervised: mark, invite_id: mark, secret: mark }) }],
    ['POST', `/family/supervisors/${mark}/confirm`, { keys: [] }],
    ['DELETE', `/family/supervised/${mark}`, undefined],
    ['GET', `/family/${mark}/pull`, undefined],
    ['GET', `/family/${ana.user}/pull?limit=${mark}`, undefined],
  ] as const) {
    const answer = await ana.call(method, path, body)
    assert.equal(statusAndCode(answer), '400 BAD_REQUEST', path)
    assert.ok(!JSON.stringify(answer.json).includes(mark), path)
  }
  assert.ok(!system.log().includes(mark))
})
