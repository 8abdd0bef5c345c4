import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ByteStream } from '../stores/store.ts'
import { ChunkError, type ChunkKey, release } from './chunk-cipher.ts'
import { blockBytes } from './object-blocks.ts'
import type { ObjectHeader } from './object-header.ts'

/*
 * Seals and opens large objects on threads of their own, so that compressing and ciphering go on beside receiving and writing. Bytes cross
 * over in blocks that change hands without being copied; both sides together hold a few of them, whatever the size of the object.
 */

export type ThreadWork = { kind: 'seal'; key: ChunkKey } | { kind: 'open'; key: ChunkKey; codec: ObjectHeader['codec'] }

export type ToThread =
  | { say: 'begin'; work: ThreadWork }
  | { say: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  | { say: 'end' }
  /** The last piece it gave was taken. */
  | { say: 'more' }

export type FromThread =
  | { say: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  | { say: 'end' }
  /** A piece is not needed any more; its memory comes back. */
  | { say: 'taken'; memory: ArrayBuffer }
  | { say: 'damaged' | 'failed'; message: string }

/** Blocks that may wait on either side of the border. */
export const window = 3

const script = join(import.meta.dirname, `object-thread-work${extname(import.meta.filename)}`)
const idleMs = 2_000
const idle: Worker[] = []

/** Memory of blocks that came back from a thread; kept while threads are at work. */
let spare: ArrayBuffer[] = []
/** More than are ever under way for one object. */
const mostSpare = 16

/** Memory that whoever holds a block of it must not use any more once `throughThread` has it. */
const lent = new WeakSet<ArrayBuffer>()

/** A block to fill, which `throughThread` takes over without a copy. */
export function emptyBlock(): Uint8Array<ArrayBuffer> {
  const memory = spare.pop() ?? new ArrayBuffer(blockBytes)
  lent.add(memory)
  return new Uint8Array(memory)
}

function putBack(memory: ArrayBuffer): void {
  if (memory.byteLength === blockBytes && spare.length < mostSpare) spare.push(memory)
}

/**
 * Sends bytes through a thread that works on them. Blocks made by `emptyBlock` are taken over, other pieces copied. A piece of the result
 * is valid until the next is asked for.
 * @throws ChunkError as the work does, or whatever the source throws.
 */
export async function* throughThread(work: ThreadWork, source: ByteStream): ByteStream {
  const worker = await takeWorker()
  let ready: Uint8Array<ArrayBuffer>[] = []
  let room = window
  let ended = false
  let problem: { error: unknown } | undefined
  let wakeTaker = () => {}
  let wakeFeeder = () => {}
  const fail = (error: unknown) => {
    problem ??= { error }
    wakeTaker()
    wakeFeeder()
  }
  const hear = (message: FromThread) => {
    if (message.say === 'bytes') ready.push(message.bytes)
    else if (message.say === 'end') ended = true
    else if (message.say === 'taken') {
      putBack(message.memory)
      room += 1
      wakeFeeder()
    } else fail(message.say === 'damaged' ? new ChunkError(message.message) : new Error(message.message))
    wakeTaker()
  }
  const broke = (error: unknown) => fail(error)
  const gone = () => fail(new Error('the thread ended before its work did'))
  worker.on('message', hear).on('error', broke).on('exit', gone)
  const say = (message: ToThread, given: ArrayBuffer[] = []) => worker.postMessage(message, given)
  const iterator = source[Symbol.asyncIterator]()
  const feed = async () => {
    const give = async (bytes: Uint8Array<ArrayBuffer>) => {
      while (room === 0 && !problem) {
        await new Promise<void>((resolve) => {
          wakeFeeder = resolve
        })
      }
      room -= 1
      say({ say: 'bytes', bytes }, [bytes.buffer])
    }
    let held = emptyBlock()
    let length = 0
    for (let item = await iterator.next(); !item.done && !problem; item = await iterator.next()) {
      if (length === 0 && isLent(item.value)) {
        await give(item.value)
        continue
      }
      for (let at = 0; at < item.value.length && !problem; ) {
        const some = item.value.subarray(at, at + held.length - length)
        held.set(some, length)
        length += some.length
        at += some.length
        if (length < held.length) continue
        await give(held)
        held = emptyBlock()
        length = 0
      }
    }
    if (problem) return
    if (length > 0) await give(held.subarray(0, length))
    else putBack(held.buffer)
    say({ say: 'end' })
  }
  let whole = false
  try {
    say({ say: 'begin', work })
    const feeding = feed().catch(fail)
    for (;;) {
      const piece = ready.shift()
      if (piece) {
        say({ say: 'more' })
        yield piece
        release(piece)
        continue
      }
      if (problem) throw problem.error
      if (ended) break
      await new Promise<void>((resolve) => {
        wakeTaker = resolve
      })
    }
    await feeding
    whole = true
  } finally {
    problem ??= { error: undefined }
    wakeFeeder()
    worker.off('message', hear).off('error', broke).off('exit', gone)
    ready = []
    if (whole) keepIdle(worker)
    else await worker.terminate()
    await iterator.return?.()
  }
}

function isLent(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && lent.has(bytes.buffer)
}

/** Threads that pay: one core is busy with what the bytes come from or go to. */
export const threads = Math.max(1, Math.min(4, availableParallelism() - 1))

/** Longest wait for a thread that is about to be free; one whose bytes are stuck elsewhere must not hold up others. */
const patienceMs = 2_000
let alive = 0
const queue = new Set<(worker?: Worker) => void>()

async function takeWorker(): Promise<Worker> {
  const free = idle.pop() ?? (alive >= threads ? await nextFree() : undefined)
  if (free) {
    free.ref()
    return free
  }
  alive += 1
  // What crosses is freed at once; a small nursery keeps the rest from piling up.
  const worker = new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: 1 } })
  worker.once('exit', () => {
    alive -= 1
    const [first] = queue
    first?.()
  })
  return worker
}

function nextFree(): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    const give = (worker?: Worker) => {
      clearTimeout(timer)
      queue.delete(give)
      resolve(worker)
    }
    const timer = setTimeout(give, patienceMs)
    queue.add(give)
  })
}

/** Another object may follow at once; when none does, the thread goes. */
function keepIdle(worker: Worker): void {
  const [first] = queue
  if (first) {
    first(worker)
    return
  }
  worker.unref()
  idle.push(worker)
  setTimeout(() => {
    const at = idle.indexOf(worker)
    if (at < 0) return
    idle.splice(at, 1)
    if (idle.length === 0) spare = []
    void worker.terminate()
  }, idleMs).unref()
}
