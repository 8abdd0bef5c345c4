import { randomUUID } from 'node:crypto'
import { splitRequest } from '../../../client/ocr/envelope.ts'
import { ApiError } from '../http/api-error.ts'
import type { Place } from './admission.ts'
import { assignmentFrames, longestAnswer, readOutcome } from './child/frame.ts'
import { type Ending, runIsolated } from './isolated-process.ts'
import { type Command, isolated, readingModule } from './isolation.ts'
import type { Keys } from './keys.ts'
import type { OcrStore, RecordedError } from './store.ts'

export interface ReadingParts {
  keys: Keys
  store: OcrStore
  timeoutMs: number
  /** What reads an image: a test may put something worse in its place, behind the same walls. */
  command?: Command
  /** Told of each process that starts. */
  onStart?: (pid: number) => void
}

/**
 * One recognition from its sealed image to its sealed result, neither of which is opened here. The row says how it ended before
 * this returns or throws, and nothing is left running.
 * @param signal aborts when the client has gone
 * @throws ApiError
 */
export async function readImage(
  { user, body, place, signal }: { user: string; body: Uint8Array; place: Place; signal: AbortSignal },
  parts: ReadingParts,
): Promise<Uint8Array> {
  const deadline = performance.now() + parts.timeoutMs
  const request = splitRequest(body)
  if (request === undefined) throw new ApiError('BAD_REQUEST')
  const keys = await parts.keys.open(request.keyId, request.encapsulated)
  if (keys === undefined) throw new ApiError('OCR_KEY_UNKNOWN')
  const input = assignmentFrames({ imageKey: keys.image, resultKey: keys.result, ...request })
  try {
    const record = await parts.store.record(user, randomUUID())
    const failure = async (error: RecordedError, answer: ApiError): Promise<never> => {
      await record.failed(error)
      throw answer
    }
    if (!(await hasTurn(place, signal, deadline))) {
      return await failure(signal.aborted ? 'CLIENT_GONE' : 'TIMEOUT', new ApiError('TIMEOUT'))
    }
    await record.started()
    const ending = await runIsolated({
      command: parts.command ?? isolated(readingModule),
      input,
      timeoutMs: Math.max(0, deadline - performance.now()),
      longestAnswer,
      signal,
      ...(parts.onStart === undefined ? {} : { onStart: parts.onStart }),
    })
    place.leave()
    if (ending.kind === 'cancelled') return await failure('CLIENT_GONE', new ApiError('TIMEOUT'))
    const outcome = outcomeOf(ending)
    if (typeof outcome === 'string') return await failure(outcome, new ApiError(outcome))
    await record.done()
    return outcome
  } finally {
    // The pipe has taken a copy of its own of what it did not send at once; that went with the process.
    keys.image.fill(0)
    keys.result.fill(0)
    body.fill(0)
  }
}

/** The sealed result, or the error the client is told. */
function outcomeOf(ending: Exclude<Ending, { kind: 'cancelled' }>) {
  if (ending.kind === 'timed-out') return 'TIMEOUT'
  const outcome = ending.kind === 'died' ? { failure: 'OCR_FAILED' as const } : readOutcome(ending.answer)
  return 'sealed' in outcome ? outcome.sealed : outcome.failure
}

/** Whether the turn came before the deadline, and while the client was there. */
async function hasTurn(place: Place, signal: AbortSignal, deadline: number): Promise<boolean> {
  if (signal.aborted) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), Math.max(0, deadline - performance.now()))
  const gone = () => resolve(false)
  signal.addEventListener('abort', gone, { once: true })
  try {
    return await Promise.race([place.turn().then(() => true), promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', gone)
  }
}
