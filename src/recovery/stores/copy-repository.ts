import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { layout } from '../repository/layout.ts'
import { copyRank, copyRanks, isCopiedInOrder } from './copy-order.ts'
import type { ByteStream, Store, StoredEntry } from './store.ts'

export interface CopyOptions {
  from: Store
  to: Store
  clock: Clock
  onProgress?: (progress: CopyProgress) => void
  signal?: AbortSignal
}

export interface CopyProgress {
  /** Copied so far. */
  objects: number
  bytes: number
  totalObjects: number
  totalBytes: number
  key: string
}

export interface CopyReport {
  /** What was copied now. */
  objects: number
  bytes: number
  /** Objects that were there already. */
  present: number
  /** Everything the source held at this moment is in the copy; milliseconds since the epoch. */
  asOf: number
  tookMs: number
}

const lanes = 3
/** How often a source that changes meanwhile is looked at anew. */
const passes = 5

/**
 * Brings a second store up to a first: objects verbatim, since they are encrypted and authenticated already, so that whoever copies
 * needs no key. Only what is missing is copied. Broken off anywhere, what is there can be restored, and the same call goes on. Nothing
 * is ever removed from the copy, and what its own retention removed is not brought back.
 * @throws STORE_COPY_FOREIGN, STORE_COPY_INCOMPLETE, OBJECT_CONFLICT, what the stores throw, or the signal's reason.
 */
export async function copyRepository(options: CopyOptions): Promise<CopyReport> {
  const { from, to, clock, signal } = options
  const began = clock.now()
  await requireSameRepository(from, to)
  const report = { objects: 0, bytes: 0, present: 0, asOf: began, tookMs: 0 }
  for (let pass = 1; ; pass++) {
    signal?.throwIfAborted()
    // The head says how far the WAL goes: as it was before anything was listed, what is copied always reaches as far.
    const head = await readSmall(from, layout.head)
    const complete = await copyOnce(options, report)
    if (complete) {
      if (head) await replace(to, layout.head, head)
      return { ...report, tookMs: clock.now() - began }
    }
    if (pass === passes) throw failure('STORE_COPY_INCOMPLETE', { place: to.place })
    report.asOf = clock.now()
  }
}

/** @returns false when something vanished from the source that was to be copied: what replaced it must be copied instead. */
async function copyOnce({ from, to, onProgress, signal }: CopyOptions, report: CopyReport): Promise<boolean> {
  const wanted = await listSource(from)
  const there = new Map<string, number>()
  for await (const { key, size } of to.list('')) there.set(key, size)
  const gone = new Set([...there.keys()].flatMap((key) => removedBackup(key)))
  for await (const { key } of from.list(layout.tombstones)) for (const id of removedBackup(key)) gone.add(id)

  const missing = wanted.filter(({ key, size }) => {
    if (isOf(key, gone)) return false
    const kept = there.get(key)
    if (kept === undefined) return true
    // The floor of a copy is where its own retention left it.
    if (kept === size || key === layout.floor) {
      report.present++
      return false
    }
    return true
  })
  const totalObjects = report.objects + missing.length
  const totalBytes = report.bytes + missing.reduce((sum, { size }) => sum + size, 0)
  let vanished = false
  for (let rank = 0; rank < copyRanks; rank++) {
    const queue = missing.filter(({ key }) => copyRank(key) === rank)
    const lane = async () => {
      for (let entry = queue.shift(); entry; entry = queue.shift()) {
        signal?.throwIfAborted()
        const bytes = await copyObject(from, to, entry, there.has(entry.key))
        if (bytes === undefined) {
          vanished = true
          continue
        }
        report.objects++
        report.bytes += bytes
        onProgress?.({ objects: report.objects, bytes: report.bytes, totalObjects, totalBytes, key: entry.key })
      }
    }
    const stop = (error: unknown) => {
      queue.length = 0
      throw error
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: isCopiedInOrder(rank) ? 1 : lanes }, () => lane().catch(stop)),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    // A backup must not count in the copy before all that it needs is there.
    if (vanished) return false
  }
  return true
}

/**
 * What is to be copied. Keys come in their order, so that a backup is seen before its WAL, and parts of a segment before the whole
 * one that replaces them; histories are looked at once more, since the WAL of a new timeline may have come meanwhile.
 */
async function listSource(from: Store): Promise<StoredEntry[]> {
  const entries = new Map<string, StoredEntry>()
  for (const prefix of ['', layout.histories]) {
    for await (const entry of from.list(prefix)) {
      if (copyRank(entry.key) !== undefined && entry.key !== layout.head) entries.set(entry.key, entry)
    }
  }
  const superseded = (key: string) => {
    const [folder, timeline, segment] = key.split('/')
    return folder === 'partial' && entries.has(`wal/${timeline}/${segment}`)
  }
  return [...entries.values()].filter(({ key }) => !superseded(key))
}

function removedBackup(key: string): string[] {
  return key.startsWith(layout.tombstones) ? [key.slice(layout.tombstones.length)] : []
}

function isOf(key: string, backups: ReadonlySet<string>): boolean {
  const [folder, id = ''] = key.split('/')
  return (folder === 'backups' || folder === 'catalog') && backups.has(id)
}

/**
 * Only these are ever written anew under their key: a part of a segment that a later receiver stored again, and the first object,
 * when the key of the repository was replaced.
 */
function mayChange(key: string): boolean {
  return key.startsWith(layout.partial) || key === 'repository'
}

/** @returns bytes copied; undefined when the object is no longer in the source, or no longer the one that was listed. */
async function copyObject(
  from: Store,
  to: Store,
  { key, size }: StoredEntry,
  differs: boolean,
): Promise<number | undefined> {
  if (differs && !mayChange(key)) throw failure('OBJECT_CONFLICT', { object: key })
  const content = await from.get(key)
  if (!content) return undefined
  try {
    const { outcome } = await to.put(key, ofLength(content, size), { ifAbsent: !differs })
    // Another copier was faster.
    return outcome === 'stored' ? size : 0
  } catch (error) {
    if (error instanceof OtherLength) return undefined
    throw error
  }
}

class OtherLength extends Error {}

/** Fails rather than ends when there are more or fewer bytes, so that nothing incomplete is ever kept. */
async function* ofLength(content: ByteStream, size: number): ByteStream {
  let length = 0
  for await (const bytes of content) {
    length += bytes.length
    if (length > size) throw new OtherLength()
    yield bytes
  }
  if (length !== size) throw new OtherLength()
}

async function requireSameRepository(from: Store, to: Store): Promise<void> {
  const foreign = () => failure('STORE_COPY_FOREIGN', { place: to.place })
  // The cluster's identity is written once and sealed with randomness of its own: the same bytes are the same repository.
  for (const key of [layout.server, 'repository']) {
    const [source, copy] = [await readSmall(from, key), await readSmall(to, key)]
    if (!copy) continue
    if (!source?.equals(copy)) throw foreign()
    return
  }
  for await (const { key } of to.list('')) if (copyRank(key) !== undefined) throw foreign()
}

async function readSmall(store: Store, key: string): Promise<Buffer | undefined> {
  const content = await store.get(key)
  if (!content) return undefined
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

async function replace(store: Store, key: string, bytes: Buffer): Promise<void> {
  const there = await readSmall(store, key)
  if (there?.equals(bytes)) return
  const content = async function* () {
    yield bytes
  }
  await store.put(key, content(), { ifAbsent: false })
}
