import { z } from 'zod'
import type { Attempt } from './draft.ts'
import { type Json, parseJson } from './json.ts'
import type { Operation } from './openapi.ts'
import type { Answer, Unanswered } from './send-attempt.ts'

const problemType = 'application/problem+json'

/**
 * What an answer does that it must not: nothing at all, a status of 500 or more or one that the document does not declare for
 * the operation, another form than declared, or saying again what was sent with a refusal.
 * @param markerIn how the marker of the run is written in a text, if it is
 * @returns one breach in words, the same for the same kind; undefined when all is as it should be
 */
export function breachOf(
  attempt: Attempt,
  answer: Answer | Unanswered,
  markerIn: (text: string) => string | undefined,
): string | undefined {
  if ('unanswered' in answer) return attempt.raw === undefined ? `was not answered: ${answer.unanswered}` : undefined
  const { status, headers, body } = answer
  if (status >= 500) return `was answered ${status}${codeIn(body)}`
  const headed = markerIn(JSON.stringify(headers))
  if (headed !== undefined) return `was answered ${status} with what was sent in a header, ${headed}`
  if (status >= 400) {
    const told = markerIn(body)
    if (told !== undefined) return `was answered ${status} with what was sent, ${told}`
  }
  if (attempt.addressed) return breachOfDeclared(attempt.operation, status, headers, body)
  const problems = [...attempt.operation.answers].some(([, media]) => media.has(problemType))
  if (status < 400 || !problems || attempt.method === 'HEAD') return undefined
  return mediaTypeOf(headers) === problemType
    ? breachOfProblem(status, body)
    : `was answered ${status} with no ${problemType}`
}

function breachOfDeclared(
  operation: Operation,
  status: number,
  headers: Record<string, string>,
  body: string,
): string | undefined {
  const { answers } = operation
  const declared = answers.get(String(status)) ?? answers.get(`${Math.floor(status / 100)}XX`) ?? answers.get('default')
  if (declared === undefined) return `was answered ${status}${codeIn(body)}, which the document does not declare`
  if (status === 204 || status === 304 || declared.size === 0) {
    return body === '' ? undefined : `was answered ${status} with a body that the document does not declare`
  }
  const type = mediaTypeOf(headers)
  if (!declared.has(type)) return `was answered ${status} as ${type || 'nothing'}, which the document does not declare`
  const schema = declared.get(type)
  if (schema === undefined || !type.endsWith('json')) return undefined
  const json = parseJson(body)
  if (json === undefined) return `was answered ${status} with broken JSON`
  const wrong = shapeOf(schema).safeParse(json).error?.issues[0]
  if (wrong !== undefined)
    return `was answered ${status} unlike its schema, at ${wrong.path.join('/') || 'the top'}: ${wrong.message}`
  return type === problemType ? breachOfProblem(status, body) : undefined
}

/** RFC 9457, as far as programs go by it: a type that stays, and the status it came with. */
function breachOfProblem(status: number, body: string): string | undefined {
  const problem = problemSchema.safeParse(parseJson(body))
  if (!problem.success) return `was answered ${status} with a problem that has no type or status`
  return problem.data.status === status ? undefined : `was answered ${status} with a problem of ${problem.data.status}`
}

const problemSchema = z.looseObject({ type: z.string().min(1), status: z.int() })

const shapes = new WeakMap<object, z.ZodType>()

function shapeOf(schema: object): z.ZodType {
  const known = shapes.get(schema)
  if (known !== undefined) return known
  const shape = z.fromJSONSchema({ ...schema })
  shapes.set(schema, shape)
  return shape
}

function mediaTypeOf(headers: Record<string, string>): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** The code a problem names, when it has the form of one. */
function codeIn(body: string): string {
  const json: Json | undefined = parseJson(body)
  const code = json !== null && typeof json === 'object' && !Array.isArray(json) ? json['code'] : undefined
  return typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code) ? ` ${code}` : ''
}
