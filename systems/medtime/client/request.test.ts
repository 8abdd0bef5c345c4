import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { openDeviceCatalog } from './catalog/device-catalog.ts'
import { createOcrClient } from './ocr/ocr-client.ts'
import { type Address, createRequest } from './request.ts'
import { type Clock, TransientError } from './retry.ts'

const sleepless: Clock = { now: () => 0, sleep: async () => undefined }
const random = () => 0.5
const token = async () => 'token'

/** Notes what was asked for, and answers as a server that has nothing. */
function noting() {
  const asked: string[] = []
  const answering: typeof fetch = async (input) => {
    asked.push(String(input))
    return new Response('{}', { status: 404 })
  }
  return { asked, answering }
}

test('an address is a text, or a function that is asked before every request', async () => {
  for (const address of ['http://server.test', 'http://server.test/', () => 'http://server.test']) {
    const { asked, answering } = noting()
    const common = { address, token, fetch: answering, clock: sleepless, random }
    await createRequest(common)('/sync/status', {})
    await (await openDeviceCatalog(common)).refresh().catch(() => undefined)
    await createOcrClient(common)
      .read(new Uint8Array(8))
      .catch(() => undefined)
    const paths = asked.map((url) => url.replace('http://server.test/', ''))
    assert.deepEqual(
      paths.map((path) => path.split('?')[0]),
      ['sync/status', 'catalog/download', 'ocr/key'],
    )
  }
})

test('an address that is none is told as what it is, at once, and not as a server that cannot be reached', async () => {
  const { asked, answering } = noting()
  for (const wrong of [undefined, 4711, () => undefined]) {
    const address = z.custom<Address>().parse(wrong)
    const request = createRequest({ address, token, fetch: answering, clock: sleepless, random })
    await assert.rejects(request('/sync/status', {}), TypeError)
  }
  assert.deepEqual(asked, [])
})

test('a service of which it is not known for a while where it is, is tried again', async () => {
  const { asked, answering } = noting()
  let known = 0
  const address = () => {
    if (known++ < 2) throw new Error('it does not run just now')
    return 'http://server.test'
  }
  const request = createRequest({ address, token, fetch: answering, clock: sleepless, random })
  assert.equal((await request('/sync/status', {})).status, 404)
  assert.deepEqual(asked, ['http://server.test/sync/status'])
})

test('a server that does not answer is tried again, and told as one that cannot be reached', async () => {
  let tried = 0
  const failing: typeof fetch = async () => {
    tried++
    throw new TypeError('fetch failed')
  }
  const request = createRequest({ address: 'http://server.test', token, fetch: failing, clock: sleepless, random })
  await assert.rejects(request('/sync/status', {}), TransientError)
  assert.equal(tried, 4)
})
