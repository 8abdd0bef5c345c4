import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import { keyAnswer } from './wire.ts'

export const ocrRoutes = {
  key: {
    method: 'GET',
    path: '/ocr/key',
    summary: 'The key that images are sealed to; it is held in memory alone, and not for long',
    authenticated: true,
    answers: { 200: keyAnswer, ...failures },
  },
  process: {
    method: 'POST',
    path: '/ocr/process',
    summary: 'Reads the sealed image of a prescription and seals the result for its sender',
    authenticated: true,
    limit: 'ocr',
    body: 'application/octet-stream',
    answers: {
      200: 'application/octet-stream',
      400: errorAnswer,
      409: errorAnswer,
      413: errorAnswer,
      415: errorAnswer,
      422: errorAnswer,
      ...failures,
    },
  },
} as const satisfies Record<string, RouteDescription>
