import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import { consentRequest, consentsAnswer, erasureAnswer, erasureQuery, textParams, textsAnswer } from './wire.ts'

export const rightsRoutes = {
  texts: {
    method: 'GET',
    path: '/account/texts',
    summary: 'What a person may agree to, in Spanish and English',
    authenticated: false,
    answers: { 200: textsAnswer, 429: errorAnswer },
  },
  consents: {
    method: 'GET',
    path: '/account/consents',
    summary: 'What the user agreed to and when, and what was withdrawn',
    authenticated: true,
    answers: { 200: consentsAnswer, ...failures },
  },
  consent: {
    method: 'POST',
    path: '/account/consents',
    summary: 'Records that the user agreed to a text',
    authenticated: true,
    body: consentRequest,
    answers: { 200: consentsAnswer, 400: errorAnswer, 415: errorAnswer, ...failures },
  },
  withdraw: {
    method: 'DELETE',
    path: '/account/consents/{text}',
    summary: 'Records that the user withdrew',
    authenticated: true,
    params: textParams,
    answers: { 200: consentsAnswer, 400: errorAnswer, ...failures },
  },
  export: {
    method: 'GET',
    path: '/account/export',
    summary:
      'Everything the server holds on a user who signed in within 5 minutes, table by table, as one JSON document',
    authenticated: true,
    answers: { 200: 'application/json', ...failures },
  },
  erase: {
    method: 'DELETE',
    path: '/account',
    summary: 'Erases a user who signed in within 5 minutes: every row, at once and for good',
    authenticated: true,
    query: erasureQuery,
    answers: { 200: erasureAnswer, 400: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>
