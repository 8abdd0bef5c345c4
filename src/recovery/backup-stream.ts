import { failure } from '../errors.ts'
import type { ByteStream } from './store.ts'

/** The one stream in which a server of version 15 or later sends a backup: archives, then the manifest. */
export interface BaseBackupStream {
  /** The archive of the data directory; its bytes must be read to their end before the manifest. */
  archive(): { bytes: ByteStream; length(): number }
  manifest(): Promise<Buffer>
}

/** Kinds of messages: 'n' begins an archive, 'm' the manifest, 'd' carries bytes of whichever is open, 'p' tells progress. */
export function baseBackupStream(
  messages: AsyncIterable<Buffer>,
  onProgress: (bytes: number) => void,
): BaseBackupStream {
  const source = messages[Symbol.asyncIterator]()
  let pending: string | undefined

  const next = async (): Promise<{ kind: string; content: Buffer } | undefined> => {
    for (;;) {
      const item = await source.next()
      if (item.done) return undefined
      const kind = String.fromCharCode(item.value[0] ?? 0)
      if (kind !== 'p') return { kind, content: item.value.subarray(1) }
      onProgress(Number(item.value.readBigInt64BE(1)))
    }
  }
  const expect = async (kind: string) => {
    const found = pending ?? (await next())?.kind
    pending = undefined
    if (found !== kind) {
      throw failure('UNEXPECTED', {
        problem: `the backup stream holds "${found ?? 'nothing'}" where "${kind}" belongs`,
      })
    }
  }
  async function* data(kind: string): ByteStream {
    await expect(kind)
    for (let message = await next(); message; message = await next()) {
      if (message.kind !== 'd') {
        pending = message.kind
        return
      }
      yield message.content
    }
  }
  return {
    archive: () => {
      let length = 0
      async function* counted(): ByteStream {
        for await (const bytes of data('n')) {
          length += bytes.length
          yield bytes
        }
      }
      return { bytes: counted(), length: () => length }
    },
    manifest: async () => {
      const parts: Uint8Array[] = []
      for await (const bytes of data('m')) parts.push(bytes)
      return Buffer.concat(parts)
    },
  }
}
