import { randomUUID } from 'node:crypto'
import { layout } from '../../repository/layout.ts'
import type { Checksums, ObjectLock, StoreAbilities, Versioning } from '../abilities.ts'
import { readXml, S3Refusal } from './answer.ts'
import type { ConditionalWrites } from './conditional-write.ts'
import { ask, type S3Connection, sha256 } from './request.ts'

/**
 * Tries what a bucket does, with a small object of its own that is removed again.
 * @throws S3Refusal, NoAnswer when it cannot be written to.
 */
export async function probeS3(connection: S3Connection): Promise<StoreAbilities> {
  const key = `${connection.location.prefix}${layout.probe(randomUUID())}`
  try {
    const conditionalWrites = await tryConditions(connection, key)
    return {
      conditionalWrites,
      checksums: await tryChecksums(connection, key),
      versioning: await readVersioning(connection),
      lock: await readLock(connection),
    }
  } finally {
    await ask(connection, { method: 'DELETE', key })
  }
}

const one = Buffer.from('one')
const two = Buffer.from('two')
const ifAbsent = { 'if-none-match': '*' }

async function tryConditions(connection: S3Connection, key: string): Promise<ConditionalWrites> {
  await ask(connection, { method: 'PUT', key, body: one })
  if (!(await refuses(connection, key))) return 'missing'
  return (await refusesParts(connection, key)) ? 'enforced' : 'small-objects-only'
}

/** Whether a second writer of one key is refused. A service that does not know the condition at all refuses it as unknown. */
async function refuses(connection: S3Connection, key: string): Promise<boolean> {
  try {
    await ask(connection, { method: 'PUT', key, headers: ifAbsent, body: two })
    return false
  } catch (error) {
    return refusedAs(error, (status) => status === 412)
  }
}

async function refusesParts(connection: S3Connection, key: string): Promise<boolean> {
  const { text } = await ask(connection, { method: 'POST', key, query: { uploads: '' } })
  const uploadId = readXml(text).text('UploadId') ?? ''
  try {
    const query = { partNumber: '1', uploadId }
    const { headers } = await ask(connection, { method: 'PUT', key, query, body: two })
    const part = `<Part><PartNumber>1</PartNumber><ETag>${headers.etag ?? ''}</ETag></Part>`
    const body = Buffer.from(`<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`)
    const done = await ask(connection, { method: 'POST', key, query: { uploadId }, headers: ifAbsent, body })
    return readXml(done.text).text('Code') === 'PreconditionFailed'
  } catch (error) {
    return refusedAs(error, (status) => status === 412)
  } finally {
    await ask(connection, { method: 'DELETE', key, query: { uploadId } }).catch(() => undefined)
  }
}

/** Sends right bytes with the checksum of others. */
async function tryChecksums(connection: S3Connection, key: string): Promise<Checksums> {
  const headers = { 'x-amz-checksum-sha256': sha256(one).toString('base64') }
  // What is wrong on purpose stays wrong: one attempt.
  const single = { ...connection, retry: { ...connection.retry, attempts: 1 } }
  try {
    await ask(single, { method: 'PUT', key, headers, body: two })
    return 'ignored'
  } catch (error) {
    return refusedAs(error, (status) => status === 400) ? 'verified' : 'ignored'
  }
}

async function readVersioning(connection: S3Connection): Promise<Versioning> {
  try {
    const { text } = await ask(connection, { method: 'GET', query: { versioning: '' } })
    const status = readXml(text).text('Status')
    return status === 'Enabled' ? 'on' : status === 'Suspended' ? 'suspended' : 'off'
  } catch (error) {
    return refusedAs(error, (code) => code === 403) ? 'unknown' : 'off'
  }
}

async function readLock(connection: S3Connection): Promise<ObjectLock> {
  try {
    const { text } = await ask(connection, { method: 'GET', query: { 'object-lock': '' } })
    const [rule] = readXml(text).all('Rule')
    const [retention] = rule?.all('DefaultRetention') ?? []
    const days = Number(retention?.text('Days') ?? 365 * Number(retention?.text('Years')))
    return Number.isInteger(days) ? { state: 'on', days } : { state: 'on' }
  } catch (error) {
    return { state: refusedAs(error, (status) => status === 403) ? 'unknown' : 'off' }
  }
}

/** @throws the error itself unless it is a refusal of the request as such. */
function refusedAs(error: unknown, matches: (status: number) => boolean): boolean {
  if (!(error instanceof S3Refusal)) throw error
  if (matches(error.status)) return true
  if ([400, 403, 404, 405, 501].includes(error.status)) return false
  throw error
}
