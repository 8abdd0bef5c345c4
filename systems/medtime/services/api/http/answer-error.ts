import type { FastifyReply, FastifyRequest } from 'fastify'
import { recentSeconds } from '../identity/recent-sign-in.ts'
import { ApiError, type ApiErrorCode } from './api-error.ts'
import { problemType } from './error-answer.ts'
import { errorCode, type Log } from './log.ts'

/** As RFC 9470 has it. */
const stepUp = `Bearer error="insufficient_user_authentication", max_age=${recentSeconds}`

/** Answers a request with the error it failed with; of one nobody expected, the log learns the class and nothing more. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const error = asApiError(thrown)
  request.failedWith = error.code
  if (error.code === 'INTERNAL') {
    log.error({ event: 'failed', request_id: request.id, error_code: errorCode(thrown) }, thrown)
  }
  if (error.code === 'UNAUTHENTICATED') void reply.header('www-authenticate', 'Bearer')
  if (error.code === 'RECENT_SIGN_IN_NEEDED') void reply.header('www-authenticate', stepUp)
  if (error.status >= 503) void reply.header('retry-after', '1')
  // The framework would hang up on a body that is too large while it is still being sent, and its sender would see a broken
  // connection in place of this answer. What comes is read and dropped; the limit of time on a request ends it.
  if (error.code === 'BODY_TOO_LARGE') {
    void reply.removeHeader('connection')
    request.raw.resume()
  }
  void reply
    .code(error.status)
    .type(problemType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(error.body(request.id))
}

function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (!(thrown instanceof Error)) return new ApiError('INTERNAL')
  const places = validationPlaces(thrown)
  if (places !== undefined) return new ApiError('BAD_REQUEST', { message: `Malformed: ${places}` })
  const status = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500
  return new ApiError(codeOf(status))
}

/** JSON pointers of what does not fit the schema of the body; undefined when the error is another. */
function validationPlaces(error: Error): string | undefined {
  if (!('validation' in error) || !Array.isArray(error.validation)) return undefined
  const places = error.validation.map((issue: unknown) => {
    if (typeof issue !== 'object' || issue === null) return '/'
    const path = 'instancePath' in issue && typeof issue.instancePath === 'string' ? issue.instancePath : ''
    return `${path}${missingMember(issue)}` || '/'
  })
  return [...new Set(places)].join(', ')
}

/** A member of the schema that is missing may be named: it is ours. */
function missingMember(issue: object): string {
  if (!('params' in issue) || typeof issue.params !== 'object' || issue.params === null) return ''
  const { params } = issue
  return 'missingProperty' in params && typeof params.missingProperty === 'string' ? `/${params.missingProperty}` : ''
}

/** What the framework itself refuses, by the status it would give. */
function codeOf(status: number): ApiErrorCode {
  if (status === 404) return 'NOT_FOUND'
  if (status === 413) return 'BODY_TOO_LARGE'
  if (status === 415) return 'UNSUPPORTED_MEDIA_TYPE'
  if (status === 503) return 'UNAVAILABLE'
  return status >= 400 && status < 500 ? 'BAD_REQUEST' : 'INTERNAL'
}
