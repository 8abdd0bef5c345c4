/*
 * A body of a type that nobody reads ends the process.
 */
import { rewriteSource } from './source.ts'

rewriteSource(
  '/services/api/http/answer-error.ts',
  'request.failedWith = error.code',
  "if (error.code === 'UNSUPPORTED_MEDIA_TYPE') process.exit(1); request.failedWith = error.code",
)
