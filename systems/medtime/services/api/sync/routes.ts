import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import {
  configAnswer,
  conflictAnswer,
  epochAnswer,
  eventsQuery,
  pullAnswer,
  pullQuery,
  pushAnswer,
  pushRequest,
  rejectedAnswer,
  statusAnswer,
} from './wire.ts'

export const syncRoutes = {
  push: {
    method: 'POST',
    path: '/sync/push',
    summary: 'Writes all entities or none',
    authenticated: true,
    limit: 'sync_push',
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
    limit: 'sync_pull',
    query: pullQuery,
    answers: { 200: pullAnswer, 400: errorAnswer, 410: epochAnswer, 412: errorAnswer, ...failures },
  },
  config: {
    method: 'GET',
    path: '/sync/config',
    summary: 'The limits a client has to keep to',
    authenticated: true,
    answers: { 200: configAnswer, ...failures },
  },
  events: {
    method: 'GET',
    path: '/sync/events',
    summary: 'Server-sent events that say that something changed, until the token ends',
    authenticated: true,
    query: eventsQuery,
    answers: { 200: 'text/event-stream', 400: errorAnswer, ...failures },
  },
  status: {
    method: 'GET',
    path: '/sync/status',
    summary: 'How far each device is',
    authenticated: true,
    answers: { 200: statusAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>
