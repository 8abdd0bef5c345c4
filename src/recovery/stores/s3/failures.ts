import { timestamp } from '../../../clock.ts'
import { AvalError, failure, messageOf } from '../../../errors.ts'
import { formatDuration } from '../../../plan/units.ts'
import { NoAnswer, S3Refusal } from './answer.ts'
import { describeLocation } from './location.ts'
import type { S3Connection } from './request.ts'
import { isFull } from './retry.ts'

const deniedCodes = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'AccountProblem',
  'AllAccessDisabled',
])

/** Says what the service's refusal means to a person, and what to do about it. */
export function explain(connection: S3Connection, action: string, key: string, error: unknown): unknown {
  if (error instanceof AvalError) return error
  const place = describeLocation(connection.location)
  if (error instanceof NoAnswer)
    return failure('STORE_UNREACHABLE', { place, reason: messageOf(error) }, { cause: error })
  if (!(error instanceof S3Refusal)) return error
  const { status, code, serverTime } = error
  if (isFull(error)) return failure('STORE_FULL', { place, key }, { cause: error })
  if (code === 'NoSuchBucket') {
    return failure('STORE_BUCKET_MISSING', { bucket: connection.location.bucket, place }, { cause: error })
  }
  if (code === 'RequestTimeTooSkewed') {
    const now = connection.clock.now()
    const difference = formatDuration(Math.abs(now - (serverTime ?? now)))
    const clocks = {
      place,
      difference,
      here: timestamp(now),
      there: serverTime === undefined ? 'unknown' : timestamp(serverTime),
    }
    return failure('STORE_CLOCK_WRONG', clocks, { cause: error })
  }
  if (deniedCodes.has(code) || status === 401 || status === 403) {
    return failure('STORE_DENIED', { place, action, key, reason: error.message }, { cause: error })
  }
  if (status >= 500 || status === 429) {
    return failure('STORE_UNREACHABLE', { place, reason: `it answered ${error.message}` }, { cause: error })
  }
  return failure('STORE_REFUSED', { place, action, key, reason: error.message }, { cause: error })
}

/** Runs an exchange with the service; what it throws is fit for people. */
export async function explained<T>(
  connection: S3Connection,
  action: string,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explain(connection, action, key, error)
  }
}
