import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { acceptedEncoding } from '../encoding/answer.ts'
import { etagOf } from './etag.ts'
import type { DownloadAnswer } from './wire.ts'

type Encoding = ReturnType<typeof acceptedEncoding>

/** A download, ready to be sent as often as it is asked for. */
export interface Download {
  etag: string
  /** Its bytes in an encoding; undefined for none. */
  bytes(encoding: Encoding): Promise<Buffer>
}

const gzipOnce = promisify(gzip)
const zstdOnce = promisify(zstdCompress)

/** Downloads kept at once: the whole catalog, and the differences to the versions that devices are at. */
const downloadsKept = 16

/** Packs every download once and compresses it once for each encoding: all devices of a version get the same bytes. */
export function createDownloads(read: (since: number | undefined) => Promise<DownloadAnswer>) {
  const kept = new Map<string, Promise<Download>>()
  return {
    /** @param version the present one, as far as this instance knows */
    get: (version: number, since: number | undefined): Promise<Download> => {
      // A device that is up to date, or claims to be ahead, is no reason to keep another copy.
      const from = since !== undefined && since > version ? undefined : since
      const key = `${version} ${from ?? ''}`
      const known = kept.get(key)
      if (known !== undefined) return known
      const made = read(from).then(packDownload)
      kept.set(key, made)
      made.catch(() => kept.delete(key))
      for (const oldest of kept.keys()) {
        if (kept.size <= downloadsKept) break
        kept.delete(oldest)
      }
      return made
    },
  }
}

function packDownload(answer: DownloadAnswer): Download {
  const text = Buffer.from(JSON.stringify(answer))
  const made = new Map<Encoding, Promise<Buffer>>([[undefined, Promise.resolve(text)]])
  const make = (encoding: Encoding) =>
    encoding === 'zstd'
      ? zstdOnce(text, { params: { [constants.ZSTD_c_compressionLevel]: 12 } })
      : gzipOnce(text, { level: 9 })
  return {
    etag: etagOf(`${answer.version} ${answer.since} ${answer.digest}`),
    bytes: (encoding) => {
      const bytes = made.get(encoding) ?? make(encoding)
      made.set(encoding, bytes)
      return bytes
    },
  }
}
