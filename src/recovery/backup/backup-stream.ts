import { failure } from '../../errors.ts'
import type { ReplicationConnection, Row } from '../wal/replication.ts'
import { type ArchiveCutter, type ArchivePart, cutArchive } from './archive-parts.ts'

/** What a server of version 15 or later sends for BASE_BACKUP: where it begins, the archive, its manifest, where it ends. */
export interface BaseBackupStream {
  /** Results before the archive: position and timeline, then the tablespaces. */
  before: Promise<Row[][]>
  /** The data directory. Each part must be taken to its end; the next may be begun before that. */
  parts: AsyncIterable<ArchivePart>
  /** Once the parts have been taken. */
  manifest: Promise<Buffer>
  /** Results after the manifest: the position it ends at. */
  after: Promise<Row[][]>
}

/** Bytes held before the server is made to wait, and below which it may go on. */
const pauseAbove = 3_145_728
const resumeBelow = 1_048_576

/** Kinds of messages: 'n' begins an archive, 'm' the manifest, 'd' carries bytes of whichever is open, 'p' tells progress. */
export function baseBackupStream(
  connection: ReplicationConnection,
  command: string,
  options: { partBytes: number; onProgress?: (bytes: number) => void },
): BaseBackupStream {
  const manifest = Promise.withResolvers<Buffer>()
  manifest.promise.catch(() => undefined)
  const manifestParts: Buffer[] = []
  let open: 'nothing' | 'archive' | 'manifest' = 'nothing'
  let paused = false
  const cutter: ArchiveCutter = cutArchive(options.partBytes, () => {
    if (!paused || cutter.waiting() > resumeBelow) return
    paused = false
    copy.resume()
  })
  const fail = (error: unknown) => {
    cutter.fail(error)
    manifest.reject(error)
  }
  const out = (kind: string) =>
    failure('UNEXPECTED', { problem: `the backup stream holds "${kind}" where it does not belong` })
  const take = (message: Buffer) => {
    const kind = String.fromCharCode(message[0] ?? 0)
    if (kind === 'd' && open === 'archive') cutter.add(message.subarray(1))
    else if (kind === 'd' && open === 'manifest') manifestParts.push(Buffer.from(message.subarray(1)))
    else if (kind === 'p') options.onProgress?.(Number(message.readBigInt64BE(1)))
    else if (kind === 'n' && open === 'nothing') open = 'archive'
    else if (kind === 'm' && open === 'archive') {
      open = 'manifest'
      cutter.end()
    } else throw out(kind)
  }
  const copy = connection.copy(command, (message) => {
    try {
      take(message)
    } catch (error) {
      fail(error)
      connection.destroy()
    }
    paused = cutter.waiting() > pauseAbove
    return !paused
  })
  copy.after.then(() => {
    if (open === 'manifest') manifest.resolve(Buffer.concat(manifestParts))
    else fail(out('nothing'))
  }, fail)
  return { before: copy.before, parts: cutter.parts, manifest: manifest.promise, after: copy.after }
}
