import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { sealImage } from '../../../client/ocr/envelope.ts'
import { SyncError } from '../../../client/request.ts'
import { type OcrService, type OcrStage, startOcrStage } from '../../../test/ocr-stage.ts'
import { cleanOcrRequests } from './clean.ts'
import { drawText } from './drawn-text.ts'
import { greyPng } from './grey-png.ts'
import { isolated } from './isolation.ts'
import { imageLimit, keyAnswer } from './wire.ts'

let stage: OcrStage
let service: OcrService
/** Their processes never answer: the first are given a second, the others more than a test takes. */
let hanging: OcrService
let busy: OcrService
const hung: number[] = []

before(async () => {
  stage = await startOcrStage()
  service = await stage.serve()
  const hangs = {
    command: isolated(join(import.meta.dirname, 'misbehaving/hang.ts')),
    trial: async () => [],
    capacity: { atOnce: 1, waiting: 1, perUser: 1 },
    onStart: (pid: number) => hung.push(pid),
  }
  hanging = await stage.serve({ ...hangs, timeoutMs: 1_000 })
  busy = await stage.serve(hangs)
})
after(() => stage.stop())

const prescription = greyPng(
  drawText(['1. Paracetamol 500 mg tabletas', 'tomar 1 tableta cada 8 horas por 7 dias', 'si dolor']),
)

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function until(reached: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await reached())) {
    assert.ok(Date.now() < deadline, 'it does not come about')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const refusedWith = (code: string) => (thrown: unknown) => thrown instanceof SyncError && thrown.code === code
const endings = async (user: string) => (await stage.rows(user)).map((row) => `${row['status']} ${row['error_code']}`)

/** A sealed request as the SDK makes it, sent as it is told. */
async function post(address: string, user: string, body: Uint8Array<ArrayBuffer>, headers = {}, signal?: AbortSignal) {
  return fetch(`${address}/ocr/process`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.token(user)}`, 'content-type': 'application/octet-stream', ...headers },
    body,
    ...(signal === undefined ? {} : { signal }),
  })
}

async function sealedFor(address: string, image: Uint8Array) {
  const response = await fetch(`${address}/ocr/key`, { headers: { authorization: `Bearer ${stage.token('x')}` } })
  const key = keyAnswer.parse(await response.json())
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
  return sealImage(image, { id: bytes(key.key_id), publicKey: bytes(key.public_key) })
}

test('a prescription goes there sealed and comes back read, and nothing is kept but that it was', async () => {
  const user = randomUUID()
  const bodies: Uint8Array[] = []
  let keys = 0
  // The first key is another instance's, as it is behind a balancer: the client asks again.
  const through: typeof fetch = async (address, init) => {
    const body = init?.body
    if (body instanceof Uint8Array) bodies.push(new Uint8Array(body))
    const response = await fetch(address, init)
    if (!String(address).endsWith('/ocr/key') || keys++ > 0) return response
    return Response.json({ ...keyAnswer.parse(await response.json()), key_id: randomBytes(16).toString('base64url') })
  }
  const { text, medicines } = await service.client(user, through).read(prescription)
  const [medicine] = medicines
  assert.equal(medicines.length, 1, text)
  assert.deepEqual(
    [medicine?.drug.text, medicine?.strength?.text, medicine?.form?.value, medicine?.dose?.text],
    ['Paracetamol', '500 mg', 'tablet', '1 tableta'],
  )
  assert.deepEqual(
    [medicine?.frequency?.text, medicine?.duration?.text, medicine?.asNeeded?.value.reason],
    ['cada 8 horas', 'por 7 dias', 'dolor'],
  )
  assert.equal(bodies.length, 2)
  for (const body of bodies) assert.ok(!Buffer.from(body).includes('IHDR'))

  const rows = await stage.rows(user)
  assert.equal(rows.length, 1, 'what was sealed to an unknown key is no request')
  const [row = {}] = rows
  assert.deepEqual(Object.keys(row).sort(), ['completed_at', 'created_at', 'error_code', 'id', 'status', 'user_id'])
  assert.deepEqual([row['status'], row['error_code']], ['done', null])
  assert.ok(row['completed_at'] instanceof Date && row['created_at'] instanceof Date)
  assert.ok(row['completed_at'] >= row['created_at'])
  assert.doesNotMatch(JSON.stringify(service.log), /paracetamol/i)
  assert.match(await service.metrics(), /ocr_requests_total\{status="success"\} 1/)
})

test('what cannot be read is refused by name, and the row says why', async () => {
  const bomb = prescription.slice()
  new DataView(bomb.buffer).setUint32(16, 60_000)
  const cases: [Uint8Array, string][] = [
    [new TextEncoder().encode('%PDF-1.7 of a prescription'), 'IMAGE_TYPE'],
    [prescription.slice(0, -40), 'IMAGE_UNREADABLE'],
    [bomb, 'IMAGE_TOO_LARGE'],
  ]
  await Promise.all(
    cases.map(async ([image, code]) => {
      const user = randomUUID()
      await assert.rejects(service.client(user).read(image), refusedWith(code))
      assert.deepEqual(await endings(user), [`failed ${code}`])
    }),
  )
})

test('what was changed on the way does not open', async () => {
  const user = randomUUID()
  const { body } = await sealedFor(service.address, prescription)
  body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
  assert.equal((await post(service.address, user, body)).status, 422)
  assert.deepEqual(await endings(user), ['failed OCR_SEAL_BROKEN'])
})

test('a process that hangs is ended in time, and its row says so', async () => {
  const user = randomUUID()
  const { body } = await sealedFor(hanging.address, prescription)
  const response = await post(hanging.address, user, body)
  assert.equal(response.status, 504)
  assert.deepEqual(await endings(user), ['failed TIMEOUT'])
  assert.ok(hung.every((pid) => !isRunning(pid)))
})

test('a process that is killed fails its own request and nothing else', async () => {
  const user = randomUUID()
  const killing = await stage.serve({
    command: isolated(join(import.meta.dirname, 'misbehaving/hang.ts')),
    trial: async () => [],
    onStart: (pid) => process.kill(pid, 'SIGKILL'),
  })
  const { body } = await sealedFor(killing.address, prescription)
  const response = await post(killing.address, user, body)
  assert.deepEqual([response.status, await endings(user)], [500, ['failed OCR_FAILED']])
  assert.equal((await post(killing.address, user, (await sealedFor(killing.address, prescription)).body)).status, 500)
})

test('when its client goes away the process ends, and the row says so', async () => {
  const user = randomUUID()
  const { body } = await sealedFor(busy.address, prescription)
  const before = hung.length
  const going = new AbortController()
  const answer = post(busy.address, user, body, {}, going.signal)
  await until(() => hung.length > before)
  going.abort()
  await assert.rejects(answer)
  await until(async () => (await endings(user)).join() === 'failed CLIENT_GONE')
  assert.ok(hung.every((pid) => !isRunning(pid)))
})

test('no more is taken on than can be done, and no user takes the places of all', async () => {
  const [ana, bob, carla] = [randomUUID(), randomUUID(), randomUUID()]
  const { body } = await sealedFor(busy.address, prescription)
  const before = hung.length
  const going = new AbortController()
  const first = post(busy.address, ana, body, {}, going.signal)
  await until(() => hung.length > before)
  const again = await post(busy.address, ana, body)
  assert.deepEqual([again.status, again.headers.get('retry-after')], [429, '5'])
  const second = post(busy.address, bob, body, {}, going.signal)
  await until(async () => (await endings(bob)).join() === 'pending null')
  const third = await post(busy.address, carla, body)
  assert.equal(third.status, 503)
  assert.ok(Number(third.headers.get('retry-after')) >= 1)
  assert.deepEqual(await endings(carla), [], 'what was not taken on has no row')
  going.abort()
  await Promise.all([assert.rejects(first), assert.rejects(second)])
  await until(
    async () => (await Promise.all([ana, bob].map(endings))).flat().join() === 'failed CLIENT_GONE,failed CLIENT_GONE',
  )
})

test('as long as something gets out of the walls, there is no key to seal an image to', async () => {
  let holes = ['write a file']
  const leaking = await stage.serve({ trial: async () => holes })
  const ask = () => fetch(`${leaking.address}/ocr/key`, { headers: { authorization: `Bearer ${stage.token('x')}` } })
  assert.equal((await ask()).status, 503)
  holes = []
  assert.equal((await ask()).status, 200, 'mended, it is asked again')
  holes = ['write a file']
  assert.equal((await ask()).status, 200, 'what succeeded is not tried again')
})

test('only a sealed image of at most 10 MB, with a token, is taken', async () => {
  const user = randomUUID()
  const tooLarge = new Uint8Array(imageLimit + 1_024)
  const answers = await Promise.all([
    fetch(`${service.address}/ocr/key`),
    post(service.address, user, new Uint8Array(1_000), { authorization: '' }),
    post(service.address, user, new Uint8Array(1_000), { 'content-type': 'image/jpeg' }),
    post(service.address, randomUUID(), new Uint8Array(1_000), { 'content-type': 'application/json' }),
    post(service.address, randomUUID(), new Uint8Array(20).fill(1)),
    post(service.address, randomUUID(), new Uint8Array(1_000).fill(1)),
    post(service.address, randomUUID(), tooLarge),
  ])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [401, 401, 415, 415, 400, 409, 413],
  )
  assert.deepEqual(await endings(user), [])
})

test('the cleaning removes what is older than 30 days, ends what was left behind, and touches nothing else', async () => {
  const user = randomUUID()
  const day = 86_400_000
  const now = new Date()
  await withClient(stage.adminUrl, async (client) => {
    await client.query('INSERT INTO srv_users (user_id) VALUES ($1)', [user])
    for (const [status, age] of [
      ['done', 31 * day],
      ['failed', 31 * day],
      ['done', 29 * day],
      ['processing', day / 12],
      ['pending', day / 96],
    ] as const) {
      const created = new Date(now.getTime() - age)
      await client.query('INSERT INTO srv_ocr_requests (user_id, status, created_at) VALUES ($1, $2, $3)', [
        user,
        status,
        created,
      ])
    }
  })
  assert.equal(await cleanOcrRequests(stage.database.run, now), 2)
  assert.deepEqual(await endings(user), ['done null', 'failed INTERRUPTED', 'pending null'])
  assert.equal(await cleanOcrRequests(stage.database.run, now), 0)
  const early = new Date(now.getTime() + 40 * day)
  assert.equal(await cleanOcrRequests(stage.database.run, early), 0, 'a clock that is ahead removes nothing early')
})
