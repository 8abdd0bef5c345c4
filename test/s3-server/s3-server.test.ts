import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { AwsClient } from 'aws4fetch'
import { type S3Server, startS3Server } from './start-server.ts'

const dayMs = 86_400_000
const five = Buffer.alloc(5 * 2 ** 20, 1)
const md5 = (body: Buffer) => createHash('md5').update(body).digest('base64')
const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('base64')

suite('the S3 server of the tests refuses what the service refuses', () => {
  let server: S3Server
  let now = Date.now()
  before(async () => {
    server = await startS3Server({ lockMs: dayMs, now: () => now })
  })
  after(() => server.close())

  /** Another client than the one under test, so that the server is not shaped after that. */
  const ask = async (
    method: string,
    path: string,
    {
      body,
      headers = {},
      secret = server.secretAccessKey,
    }: { body?: Buffer; headers?: Record<string, string>; secret?: string } = {},
  ) => {
    const { accessKeyId, region } = server
    const client = new AwsClient({ accessKeyId, secretAccessKey: secret, region, service: 's3', retries: 0 })
    const init = { method, headers, ...(body ? { body: new Uint8Array(body) } : {}) }
    const answer = await client.fetch(`${server.url}/${server.bucket}/${path}`, init)
    const text = await answer.text()
    return { status: answer.status, text, code: /<Code>(\w+)</.exec(text)?.[1], headers: answer.headers }
  }
  const refused = async (asked: ReturnType<typeof ask>, status: number, code: string) => {
    const answer = await asked
    assert.deepEqual([answer.status, answer.code], [status, code])
  }
  const one = Buffer.from('one')

  test('a wrong secret, no signature, and a time too far away', async () => {
    await refused(ask('PUT', 'key', { body: one, secret: 'another' }), 403, 'SignatureDoesNotMatch')
    assert.equal((await fetch(`${server.url}/${server.bucket}/key`)).status, 403)
    now += 16 * 60_000
    await refused(ask('GET', 'key'), 403, 'RequestTimeTooSkewed')
    now -= 16 * 60_000
  })

  test('bytes that do not match what is said of them', async () => {
    const others = Buffer.from('others')
    await refused(ask('PUT', 'key', { body: one, headers: { 'content-md5': md5(others) } }), 400, 'BadDigest')
    await refused(
      ask('PUT', 'key', { body: one, headers: { 'x-amz-checksum-sha256': sha256(others) } }),
      400,
      'BadDigest',
    )
    await refused(ask('PUT', 'key', { body: one, headers: { 'x-amz-checksum-crc32c': 'AAAAAA==' } }), 400, 'BadDigest')
    const wrong = createHash('sha256').update(others).digest('hex')
    await refused(
      ask('PUT', 'key', { body: one, headers: { 'x-amz-content-sha256': wrong } }),
      400,
      'XAmzContentSHA256Mismatch',
    )
    // The check value of CRC-32C for these nine digits is known: e3069283.
    const digits = Buffer.from('123456789')
    const crc = Buffer.from('e3069283', 'hex').toString('base64')
    assert.equal((await ask('PUT', 'digits', { body: digits, headers: { 'x-amz-checksum-crc32c': crc } })).status, 200)
  })

  test('a condition that does not hold', async () => {
    assert.equal((await ask('PUT', 'taken', { body: one, headers: { 'if-none-match': '*' } })).status, 200)
    await refused(ask('PUT', 'taken', { body: one, headers: { 'if-none-match': '*' } }), 412, 'PreconditionFailed')
    await refused(ask('PUT', 'taken', { body: one, headers: { 'if-match': '"0"' } }), 412, 'PreconditionFailed')
    const etag = `"${createHash('md5').update(one).digest('hex')}"`
    assert.equal((await ask('PUT', 'taken', { body: one, headers: { 'if-match': etag } })).status, 200)
    await refused(ask('PUT', 'absent', { body: one, headers: { 'if-match': etag } }), 404, 'NoSuchKey')
  })

  test('parts that are too small, out of order, unknown, or of an upload that is gone', async () => {
    const begun = await ask('POST', 'large?uploads=')
    const id = /<UploadId>([^<]+)/.exec(begun.text)?.[1] ?? ''
    const part = async (number: number, body: Buffer) =>
      (await ask('PUT', `large?partNumber=${number}&uploadId=${id}`, { body })).headers.get('etag') ?? ''
    const [first, second, small] = [await part(1, five), await part(2, one), await part(3, one)]
    const complete = (...parts: [number, string][]) =>
      ask('POST', `large?uploadId=${id}`, {
        body: Buffer.from(
          `<CompleteMultipartUpload>${parts.map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`,
        ),
      })
    await refused(complete([2, second], [1, first]), 400, 'InvalidPartOrder')
    await refused(complete([1, first], [2, second], [3, small]), 400, 'EntityTooSmall')
    await refused(complete([1, second]), 400, 'InvalidPart')
    await refused(complete(), 400, 'MalformedXML')
    assert.equal((await complete([1, first], [2, second])).status, 200)
    await refused(complete([1, first]), 404, 'NoSuchUpload')
    await refused(ask('PUT', `large?partNumber=1&uploadId=${id}`, { body: one }), 404, 'NoSuchUpload')
  })

  test('the removal of a locked version, which a plain removal only hides', async () => {
    const { headers } = await ask('PUT', 'locked', { body: one })
    const version = headers.get('x-amz-version-id') ?? ''
    assert.equal((await ask('DELETE', 'locked')).status, 204)
    assert.equal((await ask('GET', 'locked')).status, 404)
    assert.equal((await ask('GET', `locked?versionId=${version}`)).text, 'one')
    await refused(ask('DELETE', `locked?versionId=${version}`), 403, 'AccessDenied')
    now += dayMs + 1
    server.held.remove('locked', version)
    now -= dayMs + 1
    await refused(ask('GET', `locked?versionId=${version}`), 404, 'NoSuchKey')
  })

  test('ranges beyond the end, and unknown operations and buckets', async () => {
    await ask('PUT', 'range', { body: Buffer.from('0123456789') })
    assert.equal((await ask('GET', 'range', { headers: { range: 'bytes=7-' } })).text, '789')
    await refused(ask('GET', 'range', { headers: { range: 'bytes=10-' } }), 416, 'InvalidRange')
    await refused(ask('GET', '?acl='), 501, 'NotImplemented')
    await refused(ask('GET', '../other-bucket/key'), 404, 'NoSuchBucket')
  })
})
