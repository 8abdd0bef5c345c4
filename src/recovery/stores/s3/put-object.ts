import { randomUUID } from 'node:crypto'
import type { ByteStream, PutResult } from '../store.ts'
import { S3Refusal } from './answer.ts'
import { type Conditions, type Writer, writerMark } from './conditional-write.ts'
import { cutParts, partBuffers } from './cut-parts.ts'
import { putInParts } from './multipart.ts'
import type { PutSettings } from './put-settings.ts'
import { ask, type S3Connection, sha256 } from './request.ts'

/**
 * Stores an object: in one request when it fits into a part, else part by part with bounded memory. Never leaves half an object.
 * @throws S3Refusal, NoAnswer, STORE_OBJECT_TOO_LARGE, STORE_REFUSED, or what the content throws.
 */
export async function putObject(
  connection: S3Connection,
  key: string,
  content: ByteStream,
  ifAbsent: boolean,
  conditions: Conditions,
  settings: PutSettings,
): Promise<PutResult> {
  // Tells our own object from another writer's when an answer is lost.
  const writer: Writer = { key, token: randomUUID(), ifAbsent }
  const buffers = partBuffers(settings.partBytes)
  const parts = cutParts(content, settings.partBytes, buffers)
  try {
    const first = await parts.next()
    if (first.done) throw new Error('a stream of parts has at least one')
    if (!first.value.last)
      return await putInParts(connection, writer, first.value, parts, buffers, conditions, settings)
    return await putWhole(connection, writer, first.value.bytes, conditions)
  } finally {
    await parts.return(undefined)
  }
}

async function putWhole(
  connection: S3Connection,
  writer: Writer,
  bytes: Uint8Array,
  conditions: Conditions,
): Promise<PutResult> {
  const digest = sha256(bytes)
  const stored = { outcome: 'stored', size: bytes.length } as const
  for (;;) {
    const before = await conditions.before(writer, 'small')
    if (before === 'exists') return { outcome: 'exists', size: 0 }
    try {
      const headers = {
        ...writerMark(writer),
        ...before,
        'content-type': 'application/octet-stream',
        'x-amz-checksum-sha256': digest.toString('base64'),
      }
      await ask(connection, { method: 'PUT', key: writer.key, headers, body: bytes, sha256: digest })
      return stored
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error
      if (conditions.unsupported(error)) continue
      if (error.status !== 412) throw error
      const found = await conditions.whose(writer)
      if (found === 'ours') return stored
      if (found === 'theirs') return { outcome: 'exists', size: 0 }
      // It was removed between the two looks: the place is free again.
    }
  }
}
