import type { Clock } from '../../../clock.ts'
import type { Random } from '../../../random.ts'
import { NoAnswer, S3Refusal } from './answer.ts'

export interface RetryPolicy {
  attempts: number
  firstPauseMs: number
  longestPauseMs: number
}

/** About ten seconds in all: long enough for a service that asks for patience, short enough for a person who waits. */
export const patience: RetryPolicy = { attempts: 8, firstPauseMs: 100, longestPauseMs: 5_000 }

const transientCodes = new Set([
  'RequestTimeout',
  'SlowDown',
  'InternalError',
  'OperationAborted',
  'ConditionalRequestConflict',
  // The bytes were changed on the way: they are still right here.
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
])

/** Whether the same request may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NoAnswer) return true
  if (!(error instanceof S3Refusal)) return false
  const { status, code } = error
  if (status === 501 || status === 507 || isFull(error)) return false
  return status >= 500 || status === 429 || status === 408 || transientCodes.has(code)
}

/** Codes of services that have no room left; AWS itself has none, since it never is full. */
export function isFull({ status, code }: S3Refusal): boolean {
  return (
    status === 507 ||
    ['QuotaExceeded', 'XMinioStorageFull', 'InsufficientStorage', 'ServiceQuotaExceeded'].includes(code)
  )
}

/** Repeats work that failed for the moment, after pauses that grow and differ between those who wait. */
export async function persist<T>(
  { clock, random, retry }: { clock: Clock; random: Random; retry: RetryPolicy },
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= retry.attempts || !isTransient(error)) throw error
      await clock.sleep(pauseBefore(attempt, retry, random))
    }
  }
}

/** Between half and the whole of a bound that doubles each time. */
export function pauseBefore(attempt: number, { firstPauseMs, longestPauseMs }: RetryPolicy, random: Random): number {
  const bound = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1))
  return bound * (0.5 + random.next() / 2)
}
