import { failure, messageOf } from '../../errors.ts'
import type { ByteStream } from '../stores/store.ts'
import { ChunkError, openChunks } from './chunk-cipher.ts'
import {
  chunkBytes,
  HeadError,
  headBytes,
  headerLength,
  type ObjectHeader,
  type ObjectPlace,
  OtherKeyError,
  openHead,
  parseHeader,
  type RepositoryKeys,
  sealHead,
} from './object-header.ts'
import { decodeText, sealText } from './object-text.ts'
import { throughThread } from './object-thread.ts'

/** Where an object is sealed or opened: a thread of its own pays for texts of some megabytes and more. */
export type ObjectSize = 'small' | 'large'

/** The bytes of a stored object: head, then the compressed text in sealed chunks. */
export async function* sealObject(
  keys: RepositoryKeys,
  place: ObjectPlace,
  text: ByteStream,
  meta: Record<string, string> = {},
  size: ObjectSize = 'small',
): ByteStream {
  const head = sealHead(keys, place, { codec: 'zstd', meta })
  yield head.bytes
  const key = { key: head.objectKey, associated: head.associated, chunkBytes }
  yield* size === 'large' ? throughThread({ kind: 'seal', key }, text) : sealText(key, text, 'aside')
}

export interface OpenedObject {
  /** Genuine: it is given out only once the first chunk has opened under it. */
  meta: Record<string, string>
  /** The text; it ends without an error only when every chunk to the last was genuine. */
  text: ByteStream
  /** Gives up the rest of a text that is not read to its end. */
  close(): Promise<void>
}

/**
 * Opens a stored object.
 * @param keys by id: an object opens with the one it was written with.
 * @throws OBJECT_OTHER_KEY when it is sealed with a key that is not among them; OBJECT_DAMAGED, here or while the text is read, naming the object and what is wrong with it.
 */
export async function openObject(
  keys: ReadonlyMap<string, RepositoryKeys>,
  place: ObjectPlace,
  stored: ByteStream,
  size: ObjectSize = 'small',
): Promise<OpenedObject> {
  const source = stored[Symbol.asyncIterator]()
  const damaged = (error: unknown) => {
    if (error instanceof OtherKeyError) {
      const { sealedWith, held } = error
      return failure(
        'OBJECT_OTHER_KEY',
        { object: place.key, sealedWith, held: held.join(', '), opens: '' },
        { cause: error },
      )
    }
    const known = error instanceof HeadError || error instanceof ChunkError
    return known ? failure('OBJECT_DAMAGED', { object: place.key, problem: messageOf(error) }, { cause: error }) : error
  }
  try {
    const { head, header, rest } = await readHead(source)
    const { objectKey, associated } = openHead(keys, place, head, header)
    const key = { key: objectKey, associated, chunkBytes: header.chunk }
    // Nothing comes out of either before the first chunk was found genuine, and with it the head.
    const opening =
      size === 'large' ? throughThread({ kind: 'open', key, codec: header.codec }, rest) : openChunks(key, rest)
    const begun = opening[Symbol.asyncIterator]()
    const pieces = resume(await begun.next(), begun)
    const text = size === 'large' ? pieces : decodeText(header.codec, pieces)
    const close = async () => {
      await begun.return?.()
      await source.return?.()
    }
    return { meta: header.meta, text: named(text, damaged), close }
  } catch (error) {
    await source.return?.()
    throw damaged(error)
  }
}

/** The header alone, unproven; for telling a wrong key from damage. */
export async function peekHeader(stored: ByteStream): Promise<ObjectHeader | undefined> {
  const source = stored[Symbol.asyncIterator]()
  try {
    return (await readHead(source)).header
  } catch (error) {
    if (error instanceof HeadError) return undefined
    throw error
  } finally {
    await source.return?.()
  }
}

async function readHead(
  source: AsyncIterator<Uint8Array>,
): Promise<{ head: Buffer; header: ObjectHeader; rest: ByteStream }> {
  let held = Buffer.alloc(0)
  const fill = async (length: number) => {
    while (held.length < length) {
      const next = await source.next()
      if (next.done) throw new HeadError('it ends inside its head')
      held = Buffer.concat([held, next.value])
    }
  }
  await fill(headBytes)
  const length = headBytes + headerLength(held)
  await fill(length)
  const head = Buffer.from(held.subarray(0, length))
  const left = held.subarray(length)
  return { head, header: parseHeader(head.subarray(headBytes)), rest: resume({ done: false, value: left }, source) }
}

/** An iteration that was begun, from the item already taken to its end. */
async function* resume(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): ByteStream {
  try {
    for (let item = first; !item.done; item = await rest.next()) yield item.value
  } finally {
    await rest.return?.()
  }
}

async function* named(source: ByteStream, rename: (error: unknown) => unknown): ByteStream {
  try {
    yield* source
  } catch (error) {
    throw rename(error)
  }
}
