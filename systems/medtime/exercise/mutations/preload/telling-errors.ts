/*
 * Errors repeat the address that was asked for, as many frameworks do unless told otherwise.
 */
import { rewriteAnswers } from './answers.ts'

rewriteAnswers((body, request, status) =>
  status < 400
    ? body
    : body.replace('"detail":"', `"detail":"${request.method} ${decodeURIComponent(request.url ?? '')}: `),
)
