import type { z } from 'zod'
import {
  conflictAnswer,
  epochAnswer,
  errorAnswer,
  healthAnswer,
  pullAnswer,
  pullQuery,
  pushAnswer,
  pushRequest,
  rejectedAnswer,
  statusAnswer,
} from './wire.ts'

export interface RouteDescription {
  method: 'GET' | 'POST'
  path: string
  summary: string
  /** Whether a token is needed. */
  authenticated: boolean
  body?: z.ZodType
  query?: z.ZodObject
  /** By status: the schema of a JSON answer, or the media type of another. */
  answers: Readonly<Record<number, z.ZodType | string>>
}

const failures = { 401: errorAnswer, 500: errorAnswer, 503: errorAnswer, 504: errorAnswer }

/** Every route there is. The server registers these, the description tells of these. */
export const routes = {
  push: {
    method: 'POST',
    path: '/sync/push',
    summary: 'Writes all entities or none',
    authenticated: true,
    body: pushRequest,
    answers: {
      200: pushAnswer,
      400: errorAnswer,
      409: conflictAnswer,
      410: epochAnswer,
      413: errorAnswer,
      415: errorAnswer,
      422: rejectedAnswer,
      ...failures,
    },
  },
  pull: {
    method: 'GET',
    path: '/sync/pull',
    summary: 'Changes after a cursor, oldest first, deletions included',
    authenticated: true,
    query: pullQuery,
    answers: { 200: pullAnswer, 400: errorAnswer, 410: epochAnswer, ...failures },
  },
  status: {
    method: 'GET',
    path: '/sync/status',
    summary: 'How far each device is',
    authenticated: true,
    answers: { 200: statusAnswer, ...failures },
  },
  health: {
    method: 'GET',
    path: '/health',
    summary: 'The process is alive',
    authenticated: false,
    answers: { 200: healthAnswer },
  },
  ready: {
    method: 'GET',
    path: '/health/ready',
    summary: 'The service can serve',
    authenticated: false,
    answers: { 200: healthAnswer, 503: healthAnswer },
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'Measurements, in the text format of Prometheus',
    authenticated: false,
    answers: { 200: 'text/plain' },
  },
  description: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    authenticated: false,
    answers: { 200: 'application/json' },
  },
} as const satisfies Record<string, RouteDescription>
