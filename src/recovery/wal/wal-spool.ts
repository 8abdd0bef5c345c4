import { fdatasyncSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno, syncDirectory } from '../durable.ts'
import { release } from '../repository/chunk-cipher.ts'
import { blockBytes } from '../repository/object-blocks.ts'
import type { ByteStream } from '../stores/store.ts'
import { type Lsn, parseSegmentName, type Segment, segmentAt, segmentName, segmentStart } from './lsn.ts'

/*
 * WAL on the receiver's own disk, on its way to the store. A segment grows in `<name>.receiving` and is renamed to `<name>`
 * once it is full and synced. Nothing is removed before the store has it.
 */

const growing = '.receiving'

/** A segment in the spool, from its beginning or, when streaming was resumed, from `from`. */
export interface SpooledSegment {
  segment: Segment
  /** Bytes from its beginning that are on disk and synced. */
  synced: number
  /** Nothing more will come: it is full, or its timeline ended in it. */
  closed: boolean
}

export interface Spool {
  readonly segmentBytes: number
  /** Adds WAL that follows what came before, or begins a segment. */
  append(timeline: number, start: Lsn, bytes: Uint8Array): Promise<void>
  /** Makes everything appended survive a crash of the machine. */
  sync(): Promise<void>
  /** Where the next byte belongs; undefined before the first. */
  end(): { timeline: number; lsn: Lsn } | undefined
  /** What waits for the store, oldest first. */
  waiting(): readonly SpooledSegment[]
  read(segment: Segment, from: number, to: number): ByteStream
  /** Forgets a closed segment that the store has. */
  remove(segment: Segment): Promise<void>
  close(): Promise<void>
}

/** Opens an empty spool; what a dead receiver left must have been taken out with `leftInSpool` before. */
export async function openSpool(directory: string, segmentBytes: number): Promise<Spool> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const fileOf = (segment: Segment) => join(directory, segmentName(segment, segmentBytes))
  const waiting: SpooledSegment[] = []
  let last: { timeline: number; lsn: Lsn } | undefined
  let lastSyncMs = 0
  let current: { entry: SpooledSegment; handle: FileHandle; written: number } | undefined

  const sync = async () => {
    if (!current || current.entry.synced === current.written) return
    const { entry, written, handle } = current
    const began = performance.now()
    const atOnce = written - entry.synced <= smallBytes && lastSyncMs < quickMs
    await flushed(current, async () => (atOnce ? fdatasyncSync(handle.fd) : handle.datasync()))
    lastSyncMs = performance.now() - began
    entry.synced = written
  }
  /**
   * After a failed sync the disk may have dropped what it was given, and another sync would say nothing of it: all since the last
   * good one counts as never received, and is asked for again.
   */
  const flushed = async (of: { entry: SpooledSegment; written: number }, flush: () => Promise<void>) => {
    try {
      await flush()
    } catch (error) {
      of.written = of.entry.synced
      const { timeline } = of.entry.segment
      last = { timeline, lsn: segmentStart(of.entry.segment, segmentBytes) + BigInt(of.written) }
      throw error
    }
  }
  const closeCurrent = async () => {
    if (!current) return
    const { entry, handle, written } = current
    await flushed(current, () => handle.sync())
    await handle.close()
    entry.synced = written
    if (written === segmentBytes) {
      await rename(fileOf(entry.segment) + growing, fileOf(entry.segment))
      await syncDirectory(directory)
    }
    entry.closed = true
    current = undefined
  }
  const begin = async (segment: Segment) => {
    await closeCurrent()
    const handle = await open(fileOf(segment) + growing, 'w', 0o600)
    await syncDirectory(directory)
    const entry = { segment, synced: 0, closed: false }
    waiting.push(entry)
    current = { entry, handle, written: 0 }
    return current
  }

  return {
    segmentBytes,
    append: async (timeline, start, bytes) => {
      let lsn = start
      for (let rest = bytes; rest.length > 0; ) {
        const segment = segmentAt(timeline, lsn, segmentBytes)
        const offset = Number(lsn - segmentStart(segment, segmentBytes))
        const same =
          current && current.entry.segment.timeline === timeline && current.entry.segment.number === segment.number
        const into = same && current ? current : await begin(segment)
        if (offset !== into.written) {
          throw new RangeError(`WAL at byte ${offset} of a segment, expected ${into.written}`)
        }
        const part = rest.subarray(0, segmentBytes - offset)
        // A disk that is nearly full takes a part and refuses the rest.
        for (let done = 0; done < part.length; ) {
          done += await writeAt(into.handle, part.subarray(done), offset + done)
        }
        into.written += part.length
        lsn += BigInt(part.length)
        last = { timeline, lsn }
        rest = rest.subarray(part.length)
        if (into.written === segmentBytes) await closeCurrent()
      }
    },
    sync,
    end: () => last,
    waiting: () => waiting,
    read: (segment, from, to) => {
      const whole = fileOf(segment)
      const opened = () =>
        open(whole + growing, 'r').catch((error: unknown) => {
          if (isErrno(error, 'ENOENT')) return open(whole, 'r')
          throw error
        })
      return readRange(opened, from, to)
    },
    remove: async (segment) => {
      const index = waiting.findIndex(
        (each) => each.segment.timeline === segment.timeline && each.segment.number === segment.number,
      )
      if (index < 0 || !waiting[index]?.closed) throw new RangeError('only a closed segment leaves the spool')
      waiting.splice(index, 1)
      await rm(fileOf(segment), { force: true })
      await rm(fileOf(segment) + growing, { force: true })
    },
    close: closeCurrent,
  }
}

/** What one commit writes; a synchronous one waits for it. */
const smallBytes = 16_384
/** A sync that takes no longer is done at once: a commit waits for it, and the turn through the thread pool would take as long again. A slower disk holds up nothing else. */
const quickMs = 2

/** Little goes into the system's memory at once: a turn through the thread pool would take longer than the write. */
async function writeAt(handle: FileHandle, bytes: Uint8Array, at: number): Promise<number> {
  if (bytes.length <= smallBytes) return writeSync(handle.fd, bytes, 0, bytes.length, at)
  const { bytesWritten } = await handle.write(bytes, 0, bytes.length, at)
  return bytesWritten
}

/** A segment a receiver left behind when it died. */
export interface LeftSegment {
  segment: Segment
  whole: boolean
  bytes: number
  read(): ByteStream
  remove(): Promise<void>
}

/**
 * What a dead receiver left, oldest first. All that was acknowledged is there. After a loss of power what follows it may be zeros
 * instead of what was written; recovery takes them for the end of the WAL, and a receiver replaces them.
 */
export async function leftInSpool(directory: string, segmentBytes: number): Promise<LeftSegment[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  const left: LeftSegment[] = []
  for (const name of names.sort()) {
    const whole = !name.endsWith(growing)
    const segment = parseSegmentName(whole ? name : name.slice(0, -growing.length), segmentBytes)
    if (!segment) continue
    const file = join(directory, name)
    const { size } = await stat(file)
    const read = () => readRange(() => open(file, 'r'), 0, size)
    left.push({ segment, whole, bytes: size, read, remove: () => rm(file, { force: true }) })
  }
  return left
}

/** A block at a time in the same memory: a segment held whole is 16 MB, which stay until the collector looks. */
async function* readRange(opened: () => Promise<FileHandle>, from: number, to: number): ByteStream {
  const handle = await opened()
  const memory = Buffer.allocUnsafeSlow(Math.min(blockBytes, to - from))
  try {
    for (let at = from; at < to; ) {
      const size = Math.min(memory.length, to - at)
      for (let filled = 0; filled < size; ) {
        const { bytesRead } = await handle.read(memory, filled, size - filled, at + filled)
        if (bytesRead === 0) throw new RangeError(`the spool file ends at byte ${at + filled}, expected ${to}`)
        filled += bytesRead
      }
      yield memory.subarray(0, size)
      at += size
    }
  } finally {
    release(memory)
    await handle.close()
  }
}
