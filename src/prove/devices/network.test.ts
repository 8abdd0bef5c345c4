import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { seededRandom } from '../../random.ts'
import { createNetwork, type NetworkFault, networkFaults } from './network.ts'
import { createTimeline } from './timeline.ts'

/** Bodies that arrived whole, and requests that were cut off. */
let bodies: string[] = []
let cut = 0
let address = ''
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('aborted', () => cut++)
  request.on('end', () => {
    bodies.push(Buffer.concat(chunks).toString())
    response.end('{"kept":true}')
  })
})
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  address = typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}` : ''
})
after(() => {
  server.closeAllConnections()
  server.close()
})

/** What a device hears of one request under a fault, and how much simulated time that takes. */
async function ask(fault: NetworkFault | 'offline' | undefined) {
  bodies = []
  cut = 0
  const timeline = createTimeline(0)
  const worker = timeline.worker()
  const random = seededRandom(1)
  const met: NetworkFault[] = []
  const send = createNetwork({
    timeline,
    worker,
    random: { ...random, pick: (items) => items.find((item) => item === fault) ?? random.pick(items) },
    weather: { online: () => fault !== 'offline', faultiness: () => (fault === undefined ? 0 : 1) },
    carry: fetch,
    met: (fault) => void met.push(fault),
  })
  let heard = ''
  void worker.works(async () => {
    heard = await send(address, { method: 'POST', body: 'written on the phone' }).then(
      async (response) => `${response.status} ${await response.text().catch(() => 'broke off')}`,
      () => 'nobody',
    )
  })
  await timeline.finish()
  assert.deepEqual(met, fault === undefined || fault === 'offline' ? [] : [fault])
  return { heard, arrived: bodies.length, cut, took: timeline.now() }
}

const whole = '200 {"kept":true}'
const expected: Record<NetworkFault, { heard: string; arrived: number }> = {
  'request-lost': { heard: 'nobody', arrived: 0 },
  'answer-lost': { heard: 'nobody', arrived: 1 },
  'reset-in-body': { heard: 'nobody', arrived: 0 },
  'answer-broken': { heard: '200 broke off', arrived: 1 },
  'answer-cut': { heard: '200 {"kept', arrived: 1 },
  twice: { heard: whole, arrived: 2 },
  unavailable: { heard: '503 busy', arrived: 0 },
  'gateway-timeout': { heard: '504 too late', arrived: 1 },
  'too-slow': { heard: 'nobody', arrived: 1 },
  slow: { heard: whole, arrived: 1 },
}
for (const fault of networkFaults)
  test(`${fault}: what the server gets and what the device hears`, async () => {
    const { heard, arrived } = await ask(fault)
    assert.deepEqual({ heard, arrived }, expected[fault])
  })

test('a reset in the body reaches the server as a request that was cut off', async () => {
  await ask('reset-in-body')
  const deadline = Date.now() + 5_000
  while (cut === 0 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(cut, 1)
})

test('without a fault the answer comes after a moment of simulated time; offline nothing arrives', async () => {
  const fine = await ask(undefined)
  assert.deepEqual([fine.heard, fine.arrived], [whole, 1])
  assert.ok(fine.took >= 40 && fine.took < 5_000)
  assert.deepEqual((await ask('offline')).arrived, 0)
})
