import { z } from 'zod'
import { type Json, jsonValue } from './json.ts'

export type { Json } from './json.ts'

/** The part of JSON Schema that requests are made from; what else a schema holds binds the answers alone. */
export interface JsonSchema {
  $ref?: string | undefined
  type?: string | readonly string[] | undefined
  const?: Json | undefined
  enum?: readonly Json[] | undefined
  examples?: readonly Json[] | undefined
  properties?: Readonly<Record<string, JsonSchema>> | undefined
  required?: readonly string[] | undefined
  items?: JsonSchema | boolean | undefined
  prefixItems?: readonly JsonSchema[] | undefined
  minItems?: number | undefined
  maxItems?: number | undefined
  anyOf?: readonly JsonSchema[] | undefined
  oneOf?: readonly JsonSchema[] | undefined
  allOf?: readonly JsonSchema[] | undefined
  pattern?: string | undefined
  minLength?: number | undefined
  maxLength?: number | undefined
  format?: string | undefined
  minimum?: number | undefined
  maximum?: number | undefined
}

const count = z.int().min(0).optional()

export const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    const: jsonValue.optional(),
    enum: z.array(jsonValue).optional(),
    examples: z.array(jsonValue).optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
    required: z.array(z.string()).optional(),
    items: z.union([z.boolean(), jsonSchema]).optional(),
    prefixItems: z.array(jsonSchema).optional(),
    minItems: count,
    maxItems: count,
    anyOf: z.array(jsonSchema).optional(),
    oneOf: z.array(jsonSchema).optional(),
    allOf: z.array(jsonSchema).optional(),
    pattern: z.string().optional(),
    minLength: count,
    maxLength: count,
    format: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  }),
)
