/*
 * A body that is no JSON is an error like any other, that nobody told apart from a failure.
 */
import { rewriteSource } from './source.ts'

rewriteSource(
  '/services/api/http/answer-error.ts',
  "status >= 400 && status < 500 ? 'BAD_REQUEST' : 'INTERNAL'",
  "'INTERNAL'",
)
