import { createHash } from 'node:crypto'
import { failure } from '../../../errors.ts'
import type { PutResult } from '../store.ts'
import { NoAnswer, readXml, refusal, S3Refusal } from './answer.ts'
import { type Conditions, type Writer, writerMark } from './conditional-write.ts'
import type { Part, PartBuffers } from './cut-parts.ts'
import type { PutSettings } from './put-settings.ts'
import { ask, type S3Connection, sha256 } from './request.ts'
import { persist } from './retry.ts'

/** Of the protocol. */
const mostParts = 10_000

interface SentPart {
  number: number
  etag: string
  digest: Buffer
}

/**
 * Sends an object part by part, a few at once; one that fails is sent again alone. It exists only once the last request has
 * succeeded. An upload that fails is aborted, so that nobody pays for its parts.
 */
export async function putInParts(
  connection: S3Connection,
  writer: Writer,
  first: Part,
  rest: AsyncGenerator<Part>,
  buffers: PartBuffers,
  conditions: Conditions,
  settings: PutSettings,
): Promise<PutResult> {
  const { key } = writer
  const uploadId = await begin(connection, writer)
  try {
    const { sent, size } = await sendParts(connection, key, uploadId, first, rest, buffers, settings)
    const outcome = await complete(connection, writer, uploadId, sent, conditions)
    if (outcome === 'stored') return { outcome, size }
    await abort(connection, key, uploadId)
    return { outcome, size: 0 }
  } catch (error) {
    await abort(connection, key, uploadId)
    throw error
  }
}

async function begin(connection: S3Connection, writer: Writer): Promise<string> {
  const headers = {
    ...writerMark(writer),
    'content-type': 'application/octet-stream',
    'x-amz-checksum-algorithm': 'SHA256',
  }
  const { text } = await ask(connection, { method: 'POST', key: writer.key, query: { uploads: '' }, headers })
  const uploadId = readXml(text).text('UploadId')
  if (uploadId === undefined) throw new NoAnswer('it began an upload without naming it')
  return uploadId
}

async function sendParts(
  connection: S3Connection,
  key: string,
  uploadId: string,
  first: Part,
  rest: AsyncGenerator<Part>,
  buffers: PartBuffers,
  settings: PutSettings,
): Promise<{ sent: SentPart[]; size: number }> {
  const sent: SentPart[] = []
  const flying = new Set<Promise<void>>()
  let broken: { error: unknown } | undefined
  let size = 0
  const launch = (number: number, part: Part) => {
    const flight = sendPart(connection, key, uploadId, number, part.bytes)
      .then((done) => {
        sent.push(done)
        buffers.give(part.buffer)
      })
      .catch((error: unknown) => {
        broken ??= { error }
      })
      .finally(() => flying.delete(flight))
    flying.add(flight)
  }
  let number = 0
  try {
    for (let part: Part | undefined = first; part && !broken; ) {
      if (++number > mostParts) {
        const largest = Math.floor((mostParts * settings.partBytes) / 1e9)
        throw failure('STORE_OBJECT_TOO_LARGE', { key, largest })
      }
      size += part.bytes.length
      launch(number, part)
      // The next part is filled only once there is room for it.
      while (flying.size >= settings.partsInFlight && !broken) await Promise.race(flying)
      if (part.last || broken) break
      const next: IteratorResult<Part> = await rest.next()
      part = next.done ? undefined : next.value
    }
  } finally {
    // Nothing may still be on its way when an upload is completed or aborted.
    await Promise.all(flying)
  }
  if (broken) throw broken.error
  return { sent: sent.sort((a, b) => a.number - b.number), size }
}

async function sendPart(
  connection: S3Connection,
  key: string,
  uploadId: string,
  number: number,
  body: Uint8Array,
): Promise<SentPart> {
  const digest = sha256(body)
  const { headers } = await ask(connection, {
    method: 'PUT',
    key,
    query: { partNumber: String(number), uploadId },
    headers: { 'x-amz-checksum-sha256': digest.toString('base64') },
    body,
    sha256: digest,
  })
  if (headers.etag === undefined) throw new NoAnswer('it took a part without naming it')
  return { number, etag: headers.etag, digest }
}

async function complete(
  connection: S3Connection,
  writer: Writer,
  uploadId: string,
  sent: readonly SentPart[],
  conditions: Conditions,
): Promise<'stored' | 'exists'> {
  const items = sent.map(
    ({ number, etag, digest }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag>` +
      `<ChecksumSHA256>${digest.toString('base64')}</ChecksumSHA256></Part>`,
  )
  const body = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${items.join('')}</CompleteMultipartUpload>`,
  )
  for (;;) {
    const before = await conditions.before(writer, 'large')
    if (before === 'exists') return 'exists'
    try {
      await persist(connection, () => completeOnce(connection, writer.key, uploadId, before, body, sent))
      return 'stored'
    } catch (error) {
      if (error instanceof S3Refusal && conditions.unsupported(error)) continue
      // The answer of an attempt that succeeded may have been lost: the object itself tells.
      const unsure = error instanceof NoAnswer || (error instanceof S3Refusal && unsureStatus.has(error.status))
      if (!unsure) throw error
      const found = await conditions.whose(writer)
      if (found === 'ours') return 'stored'
      if (found === 'theirs' && writer.ifAbsent) return 'exists'
      throw error
    }
  }
}

/** No such upload any more, a conflict with another writer, a condition not met, or a failure of the service after the fact. */
const unsureStatus = new Set([404, 409, 412, 500, 502, 503, 504])

async function completeOnce(
  connection: S3Connection,
  key: string,
  uploadId: string,
  condition: Record<string, string>,
  body: Buffer,
  sent: readonly SentPart[],
): Promise<void> {
  const headers = { ...condition, 'content-type': 'application/xml' }
  // Not `ask`: after 200 the service may still say in the body that it failed.
  const single = { ...connection, retry: { ...connection.retry, attempts: 1 } }
  const { text, headers: answered } = await ask(single, { method: 'POST', key, query: { uploadId }, headers, body })
  const result = readXml(text)
  if (result.name === 'Error') {
    const status = result.text('Code') === 'PreconditionFailed' ? 412 : 500
    throw refusal(status, text, answered.date)
  }
  const kept = result.text('ChecksumSHA256')
  const digests = createHash('sha256')
  for (const { digest } of sent) digests.update(digest)
  const whole = digests.digest('base64')
  if (kept !== undefined && kept !== whole && kept !== `${whole}-${sent.length}`) {
    throw new S3Refusal(400, 'ChecksumMismatch', 'it kept other bytes than were sent', undefined)
  }
}

/** What cannot be aborted now is left to the bucket's lifecycle and to the next sweep. */
async function abort(connection: S3Connection, key: string, uploadId: string): Promise<void> {
  await ask(connection, { method: 'DELETE', key, query: { uploadId } }).catch(() => undefined)
}

const abandonedAfterMs = 24 * 3_600_000

/** Aborts uploads of writers that died; a younger one may belong to a writer that is still at work. */
export async function sweepUploads(connection: S3Connection): Promise<void> {
  const { location, clock } = connection
  const { text } = await ask(connection, { method: 'GET', query: { uploads: '', prefix: location.prefix } })
  for (const upload of readXml(text).all('Upload')) {
    const [key, id, begun] = [upload.text('Key'), upload.text('UploadId'), upload.text('Initiated')]
    if (key === undefined || id === undefined || begun === undefined) continue
    if (clock.now() - Date.parse(begun) > abandonedAfterMs) await abort(connection, key, id)
  }
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
