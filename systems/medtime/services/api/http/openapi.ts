import { z } from 'zod'
import { errorAnswer, problemType } from './error-answer.ts'
import type { RouteDescription } from './route.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const jsonValue: z.ZodType<Json> = z.json()

const aboutApi = {
  title: 'MedTime sync',
  description: 'Keeps encrypted entities for the devices of a user. The server holds no key and can read none of them.',
}

/** The API in OpenAPI 3.1, made from the schemas that requests are checked against. */
export function describeApi(routes: readonly RouteDescription[], about = aboutApi): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { ...about, version: '1.0.0' },
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
  }
}

function operation(route: RouteDescription): Json {
  const responses: Record<string, Json> = {}
  for (const [status, answer] of Object.entries({
    ...anywhere,
    ...(route.method === 'GET' ? {} : withBody),
    ...route.answers,
  })) {
    const json = Number(status) >= 400 ? problemType : 'application/json'
    const media = typeof answer === 'string' ? { [answer]: {} } : { [json]: { schema: schemaOf(answer, 'output') } }
    responses[status] = { description: meanings[status] ?? '', content: media }
  }
  return {
    summary: route.summary,
    ...(route.authenticated ? { security: [{ token: [] }] } : {}),
    ...(route.params || route.query
      ? { parameters: [...parameters('path', route.params), ...parameters('query', route.query)] }
      : {}),
    ...(route.body ? { requestBody: { required: true, content: bodyOf(route.body) } } : {}),
    responses,
  }
}

/** What any request may come to, whatever it asks for: it cannot be read, or comes from a page that may not ask. */
const anywhere = { 400: errorAnswer, 403: errorAnswer, 408: errorAnswer, 431: errorAnswer } as const

/** What a request may come to whose body is read, whether or not the operation takes one. */
const withBody = { 413: errorAnswer, 415: errorAnswer } as const

function bodyOf(body: z.ZodType | string): Record<string, Json> {
  return typeof body === 'string' ? { [body]: {} } : { 'application/json': { schema: schemaOf(body, 'input') } }
}

function parameters(place: 'path' | 'query', members: z.ZodObject | undefined): Json[] {
  return Object.entries(members?.shape ?? {}).map(([name, schema]) => {
    const described = z.globalRegistry.get(schema)?.description
    return {
      name,
      in: place,
      required: place === 'path',
      schema: schemaOf(schema, 'input'),
      ...(described === undefined ? {} : { description: described }),
    }
  })
}

function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' })
  return jsonValue.parse(JSON.parse(JSON.stringify(rest)))
}

const meanings: Readonly<Record<string, string>> = {
  200: 'Done',
  304: 'What the client holds is still true',
  400: 'The request does not have the agreed shape',
  401: 'A valid access token is needed',
  403: 'Something has to be done first: a challenge, or a second factor; or pages of this origin may not ask',
  404: 'There is nothing of this name',
  408: 'The request took too long to arrive',
  409: 'Versions differ; nothing was written',
  410: 'The server was restored; the answer holds the start of the new epoch',
  413: 'Too large',
  412: 'What the client holds is from before what is kept; pull from the start',
  415: 'Of another media type or encoding',
  422: 'Entities cannot be accepted; nothing was written',
  429: 'Too many requests; wait as long as Retry-After says',
  431: 'The address or the headers are too long',
  500: 'The server failed',
  503: 'Try again',
  504: 'Not finished in time',
}
