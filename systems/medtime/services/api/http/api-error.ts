import type { z } from 'zod'
import type { errorAnswer } from './error-answer.ts'

/**
 * Every error the API answers with, and nothing else it may say. The messages are fixed texts: what a client sent never
 * comes back in one. Each is told of in docs/medtime/errors.md, and a test holds that.
 */
export const apiErrors = {
  BAD_REQUEST: { status: 400, message: 'The request does not have the agreed shape.' },
  BAD_CURSOR: { status: 400, message: 'This cursor was not issued to this user by this server.' },
  UNAUTHENTICATED: { status: 401, message: 'A valid access token is needed.' },
  RECENT_SIGN_IN_NEEDED: { status: 401, message: 'This cannot be undone. Sign in again, then ask again.' },
  SIGN_IN_FAILED: { status: 401, message: 'This does not let anybody in.' },
  SESSION_ENDED: { status: 401, message: 'This session has ended. Sign in again.' },
  CHALLENGE_REQUIRED: { status: 403, message: 'Too many sign-ins failed. Solve the challenge, then ask again.' },
  SECOND_FACTOR_NEEDED: { status: 403, message: 'A second factor is needed.' },
  SECOND_FACTOR_SETUP_NEEDED: { status: 403, message: 'This tier needs a second factor. Set one up.' },
  CODE_REFUSED: { status: 403, message: 'This is not the code, it came too late, or no try is left.' },
  SIGNATURE_REFUSED: { status: 403, message: 'The signature is not that of the one who may tell this.' },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address.' },
  INVITE_INVALID: { status: 404, message: 'There is no such invite, or no more.' },
  NO_LINK: { status: 404, message: 'There is no such link, or none that allows this.' },
  CONFLICT: { status: 409, message: 'Entities have other versions on the server; nothing was written.' },
  ALREADY_LINKED: { status: 409, message: 'These two are linked already.' },
  FAMILY_LIMIT: { status: 409, message: 'There are as many invites, supervisors or keys as there may be.' },
  REPLAYED: { status: 409, message: 'This very request was taken before.' },
  OCR_KEY_UNKNOWN: {
    status: 409,
    message: 'This key is not held here, or no longer. Ask for a new one and seal again.',
  },
  FILE_EXISTS: { status: 409, message: 'A file with this id holds something else; a file never changes.' },
  ROTATION_INCOMPLETE: {
    status: 409,
    message: 'Entities were written meanwhile or left out; the key was not changed.',
  },
  EPOCH_CHANGED: { status: 410, message: 'The server was restored. Pull from the start and push what is missing.' },
  BODY_TOO_LARGE: { status: 413, message: 'The request is too large; send fewer entities at once.' },
  CURSOR_EXPIRED: {
    status: 412,
    message: 'Deletions from before are kept no more. Pull from the start and drop what is not there.',
  },
  QUOTA_EXCEEDED: { status: 413, message: 'There is no room left for this; nothing was written.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'Send application/json, as it is or with gzip or zstd.' },
  OCR_SEAL_BROKEN: { status: 422, message: 'The image does not open: it was sealed otherwise, or changed on the way.' },
  IMAGE_TYPE: { status: 422, message: 'The image is neither JPEG nor PNG nor WebP.' },
  IMAGE_UNREADABLE: { status: 422, message: 'The image is damaged or cut off.' },
  IMAGE_TOO_LARGE: { status: 422, message: 'The image has too many pixels; make it smaller.' },
  DIGEST_MISMATCH: { status: 422, message: 'The bytes are not what Content-Digest says; nothing was stored.' },
  REJECTED: { status: 422, message: 'Entities cannot be accepted as they are; nothing was written.' },
  RATE_LIMITED: { status: 429, message: 'Too many requests. Wait as long as Retry-After says.' },
  TOO_MANY_STREAMS: { status: 429, message: 'Other devices listen already, as many as may.' },
  ORIGIN_NOT_LISTED: { status: 403, message: 'Pages of this origin may not ask here.' },
  TOO_SLOW: { status: 408, message: 'The request took too long to arrive.' },
  HEADERS_TOO_LARGE: { status: 431, message: 'The headers of the request are too large.' },
  OCR_FAILED: { status: 500, message: 'The image could not be read. Nothing of it was kept.' },
  INTERNAL: { status: 500, message: 'The server failed. Nothing was acknowledged.' },
  UNAVAILABLE: { status: 503, message: 'The server cannot answer just now. Try again.' },
  TIMEOUT: { status: 504, message: 'The server did not finish in time. Try again.' },
} as const

export type ApiErrorCode = keyof typeof apiErrors

/** An answer other than success. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  readonly status: number
  /** Members of the answer beside those that every error has. */
  readonly details: Readonly<Record<string, unknown>>

  /** @param message in place of the fixed text; only where it names places in a request, never values. */
  constructor(code: ApiErrorCode, options: { message?: string; details?: Record<string, unknown> } = {}) {
    super(options.message ?? apiErrors[code].message)
    this.name = 'ApiError'
    this.code = code
    this.status = apiErrors[code].status
    this.details = options.details ?? {}
  }

  /** The answer as RFC 9457 shapes it. @param requestId under which the log knows the request */
  body(requestId: string): z.output<typeof errorAnswer> {
    return {
      type: `/problems/${this.code.toLowerCase().replaceAll('_', '-')}`,
      title: titleOf(this.code),
      status: this.status,
      code: this.code,
      detail: this.message,
      request_id: requestId,
      ...this.details,
    }
  }
}

function titleOf(code: ApiErrorCode): string {
  return code.slice(0, 1) + code.slice(1).toLowerCase().replaceAll('_', ' ')
}
