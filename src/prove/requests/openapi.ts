import { z } from 'zod'
import { resolvePointer } from '../behaviour/json-pointer.ts'
import { type Json, jsonValue } from './json.ts'
import { type JsonSchema, jsonSchema } from './json-schema.ts'

/** One operation of an OpenAPI document: what may be asked, and what may be answered. */
export interface Operation {
  /** Such as `POST /sync/push`; unique in a document. */
  id: string
  method: string
  /** Template, such as `/files/{id}`. */
  path: string
  parameters: readonly Parameter[]
  /** By media type; empty when the operation takes no body. */
  bodies: ReadonlyMap<string, JsonSchema | undefined>
  /** Whether it asks who is there. */
  secured: boolean
  /** By status (`200`, `4XX` or `default`) and media type: the schema of the body, where the document has one. */
  answers: ReadonlyMap<string, ReadonlyMap<string, JsonSchema | undefined>>
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  schema: JsonSchema
}

const parameter = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean().default(false),
  schema: jsonSchema.default({}),
})
const content = z.record(z.string(), z.object({ schema: jsonSchema.optional() })).default({})
const operation = z.object({
  parameters: z.array(parameter).default([]),
  requestBody: z.object({ content }).optional(),
  security: z.array(z.record(z.string(), z.unknown())).optional(),
  responses: z.record(z.string(), z.object({ content })),
})
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const
const pathItem = z.object({
  parameters: z.array(parameter).default([]),
  ...Object.fromEntries(methods.map((method) => [method, operation.optional()])),
})
const document = z.object({
  openapi: z.string().regex(/^3\./),
  security: z.array(z.record(z.string(), z.unknown())).default([]),
  paths: z.record(z.string().startsWith('/'), jsonValue),
})

/**
 * Reads an OpenAPI document of version 3. References within it are followed; parameters in cookies are left out.
 * @throws ZodError when it is none
 */
export function readOpenapi(text: string): Operation[] {
  const whole = jsonValue.parse(JSON.parse(text))
  const { paths, security } = document.parse(whole)
  return Object.entries(paths).flatMap(([path, item]) => {
    const unfolded = unfold(item, whole)
    const shared = pathItem.parse(unfolded).parameters
    return methods.flatMap((method) => {
      const entry = resolvePointer(unfolded, `/${method}`)
      return entry === undefined ? [] : [operationAt(path, method, operation.parse(entry), shared, security.length > 0)]
    })
  })
}

function operationAt(
  path: string,
  method: string,
  entry: z.output<typeof operation>,
  shared: readonly z.output<typeof parameter>[],
  securedByDefault: boolean,
): Operation {
  const schemas = (media: z.output<typeof content>) =>
    new Map(Object.entries(media).map(([type, { schema }]) => [type.toLowerCase(), schema]))
  const own = new Set(entry.parameters.map(({ name, in: place }) => `${place} ${name}`))
  const all = [...entry.parameters, ...shared.filter(({ name, in: place }) => !own.has(`${place} ${name}`))]
  const demands = entry.security ?? (securedByDefault ? [{ any: [] }] : [])
  return {
    id: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    parameters: all.flatMap(({ in: place, ...rest }) =>
      place === 'path' || place === 'query' || place === 'header' ? [{ ...rest, in: place }] : [],
    ),
    bodies: schemas(entry.requestBody?.content ?? {}),
    secured: demands.length > 0 && demands.every((demand) => Object.keys(demand).length > 0),
    answers: new Map(Object.entries(entry.responses).map(([status, answer]) => [status, schemas(answer.content)])),
  }
}

/** The value with every reference replaced by what it names; one that leads back to itself ends in what allows anything. */
function unfold(value: Json, whole: Json, within: readonly string[] = []): Json {
  if (Array.isArray(value)) return value.map((element) => unfold(element, whole, within))
  if (value === null || typeof value !== 'object') return value
  const reference = value['$ref']
  if (typeof reference === 'string' && reference.startsWith('#')) {
    const target = within.includes(reference) ? {} : resolvePointer(whole, reference.slice(1))
    return unfold(target ?? {}, whole, [...within, reference])
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unfold(member, whole, within)]))
}
