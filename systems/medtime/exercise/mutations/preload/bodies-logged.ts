/*
 * Refused requests are logged with what they held.
 */
import { rewriteSource } from './source.ts'

rewriteSource(
  '/services/api/http/answer-error.ts',
  'request.failedWith = error.code',
  'request.failedWith = error.code; if (request.body?.constructor === Object) console.log(JSON.stringify(request.body))',
)
