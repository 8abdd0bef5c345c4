import { parentPort } from 'node:worker_threads'
import { messageOf } from '../../errors.ts'
import type { ByteStream } from '../stores/store.ts'
import { ChunkError } from './chunk-cipher.ts'
import { openText, sealText } from './object-text.ts'
import { type FromThread, type ThreadWork, type ToThread, window } from './object-thread.ts'

/** The thread's side of `throughThread`: one object after another. */
const port = parentPort
if (!port) throw new Error('This module is the program of a thread.')
const say = (message: FromThread, given: ArrayBuffer[] = []) => port.postMessage(message, given)

let waiting: (Uint8Array<ArrayBuffer> | undefined)[] = []
let room = window
let wakeSource = () => {}
let wakeResult = () => {}

async function* source(): ByteStream {
  for (;;) {
    if (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        wakeSource = resolve
      })
    }
    const bytes = waiting.shift()
    if (!bytes) return
    yield bytes
    say({ say: 'taken', memory: bytes.buffer }, [bytes.buffer])
  }
}

async function work(what: ThreadWork): Promise<void> {
  const result = what.kind === 'seal' ? sealText(what.key, source(), 'here') : openText(what.key, what.codec, source())
  for await (const piece of result) {
    while (room === 0) {
      await new Promise<void>((resolve) => {
        wakeResult = resolve
      })
    }
    room -= 1
    const bytes = owned(piece)
    say({ say: 'bytes', bytes }, [bytes.buffer])
  }
}

/** Memory that can be given away: small pieces may be views of memory that others use too. */
function owned(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = piece
  const alone =
    buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength - byteLength <= 1 && byteLength >= 65_536
  return alone ? new Uint8Array(buffer, 0, byteLength) : new Uint8Array(piece)
}

port.on('message', (message: ToThread) => {
  if (message.say === 'begin') {
    waiting = []
    room = window
    work(message.work).then(
      () => say({ say: 'end' }),
      (error: unknown) => say({ say: error instanceof ChunkError ? 'damaged' : 'failed', message: messageOf(error) }),
    )
  } else if (message.say === 'more') {
    room += 1
    wakeResult()
  } else {
    waiting.push(message.say === 'end' ? undefined : message.bytes)
    wakeSource()
  }
})
