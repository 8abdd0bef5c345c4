import { z } from 'zod'

/*
 * The language as JSON Schema, for whoever describes it: suggestions for a mistyped name, the reference in docs/plan.md. The
 * zod schema stays the only source.
 */

/** One place of the language. Parsed from the generated JSON Schema, of which only these members are read. */
export interface Field {
  type?: string | readonly string[] | undefined
  const?: unknown
  enum?: readonly unknown[] | undefined
  description?: string | undefined
  default?: unknown
  unit?: string | undefined
  pattern?: string | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  required?: readonly string[] | undefined
  properties?: Readonly<Record<string, Field>> | undefined
  additionalProperties?: Field | boolean | undefined
  items?: Field | undefined
  anyOf?: readonly Field[] | undefined
}

const field: z.ZodType<Field> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    unit: z.string().optional(),
    pattern: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), field).optional(),
    additionalProperties: z.union([z.boolean(), field]).optional(),
    items: field.optional(),
    anyOf: z.array(field).optional(),
  }),
)

/** A schema as its writer sees it: units are text, defaults may be left out. */
export function fieldsOf(schema: z.ZodType): Field {
  return field.parse(
    z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      // A default is kept as the value it becomes, which JSON Schema would leave out where text turns into a number.
      override: ({ zodSchema, jsonSchema }) => {
        const { def } = zodSchema._zod
        if (def.type === 'default') jsonSchema.default = def.defaultValue
      },
    }),
  )
}

/** Names an entry may have at a path, over all forms the place can take. */
export function namesAt(root: Field, path: readonly (string | number)[]): string[] {
  const places = path.reduce<Field[]>((fields, step) => fields.flatMap(forms).flatMap((at) => enter(at, step)), [root])
  return [...new Set(places.flatMap(forms).flatMap((at) => Object.keys(at.properties ?? {})))]
}

function forms(at: Field): Field[] {
  return at.anyOf ? at.anyOf.flatMap(forms) : [at]
}

function enter(at: Field, step: string | number): Field[] {
  const own = at.properties?.[step]
  if (own) return [own]
  if (typeof step === 'number' && at.items) return [at.items]
  return typeof at.additionalProperties === 'object' ? [at.additionalProperties] : []
}
