import { readSync, writeSync } from 'node:fs'

/*
 * What passes between the service and the process that reads one image: lengths (4 bytes, big end first) and bytes, on standard
 * input and output. Of the answer the first byte is the outcome.
 */

/** What the process is given: the keys of one exchange, and what was sealed with the first. */
export interface Assignment {
  imageKey: Uint8Array
  resultKey: Uint8Array
  head: Uint8Array
  sealed: Uint8Array
}

/** Why there is no result. */
export const failures = ['OCR_SEAL_BROKEN', 'IMAGE_TYPE', 'IMAGE_UNREADABLE', 'IMAGE_TOO_LARGE', 'OCR_FAILED'] as const
export type Failure = (typeof failures)[number]

const done = 0
const keyLength = 32
/** More than any result of 20,000 characters takes. */
export const longestAnswer = 4 * 1_048_576

export function assignmentFrames({ imageKey, resultKey, head, sealed }: Assignment): Uint8Array[] {
  return [imageKey, resultKey, lengthOf(head), head, lengthOf(sealed), sealed]
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return length
}

/** Waits for the assignment on standard input. @throws Error when it ends before */
export function readAssignment(): Assignment {
  return { imageKey: readBytes(keyLength), resultKey: readBytes(keyLength), head: readPart(), sealed: readPart() }
}

function readPart(): Uint8Array {
  return readBytes(Buffer.from(readBytes(4)).readUInt32BE())
}

function readBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const count = readSync(0, bytes, at, length - at, null)
    if (count === 0) throw new Error('the assignment broke off')
    at += count
  }
  return bytes
}

/** A result that is sealed already, or the reason why there is none. */
export type Outcome = { sealed: Uint8Array } | { failure: Failure }

export function writeOutcome(outcome: Outcome): void {
  const bytes =
    'sealed' in outcome
      ? Buffer.concat([Uint8Array.of(done), outcome.sealed])
      : Uint8Array.of(1 + failures.indexOf(outcome.failure))
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at, bytes.length - at)
}

/** The outcome that a process wrote before it ended; one that wrote anything else has failed. */
export function readOutcome(answer: Uint8Array): Outcome {
  const [first] = answer
  if (first === done && answer.length > 1) return { sealed: answer.subarray(1) }
  const failure = answer.length === 1 && first !== undefined ? failures[first - 1] : undefined
  return { failure: failure ?? 'OCR_FAILED' }
}
