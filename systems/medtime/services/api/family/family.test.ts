import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startSystem, type TestSystem } from '../../../test/system.ts'

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
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(system.api + path, {
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

const answerTo = (invite: Awaited<ReturnType<typeof inviteOf>>) => ({
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
