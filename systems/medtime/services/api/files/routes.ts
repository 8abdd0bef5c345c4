import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import { fileParams, fullAnswer, storedAnswer } from './wire.ts'

const bytes = 'application/octet-stream'

export const filesRoutes = {
  put: {
    method: 'PUT',
    path: '/files/{id}',
    summary: 'Stores an encrypted file, whose SHA-256 the header Content-Digest tells',
    authenticated: true,
    params: fileParams,
    body: bytes,
    answers: {
      200: storedAnswer,
      400: errorAnswer,
      409: errorAnswer,
      413: fullAnswer,
      415: errorAnswer,
      422: errorAnswer,
      ...failures,
    },
  },
  get: {
    method: 'GET',
    path: '/files/{id}',
    summary: 'An own file as it was stored',
    authenticated: true,
    params: fileParams,
    answers: { 200: bytes, 400: errorAnswer, 404: errorAnswer, ...failures },
  },
  remove: {
    method: 'DELETE',
    path: '/files/{id}',
    summary: 'Deletes an own file; also succeeds when there is none',
    authenticated: true,
    params: fileParams,
    answers: { 204: 'text/plain', 400: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>
