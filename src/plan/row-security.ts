import { z } from 'zod'
import { citation, name } from './citation.ts'

/** The ways by which rows of another can be got at. */
export const ways = [
  'unguarded',
  'bypass',
  'read',
  'change',
  'delete',
  'insert',
  'move',
  'truncate',
  'trigger',
  'reference',
  'unique',
  'sequence',
  'function',
  'identity',
  'search-path',
] as const

export type Way = (typeof ways)[number]

const accepted = z.strictObject({
  roles: z.array(z.string()).min(1).describe('The roles that may.'),
  on: z.array(z.string()).min(1).describe('Tables, views, functions, sequences or constraints, without their schema.'),
  by: z.array(z.enum(ways)).min(1).describe('What they may do there.'),
  reason: z.string().min(20).describe('Why nobody is harmed by it.'),
  ...citation,
})

export const rowSecurity = z.strictObject({
  tables: z.literal('all').describe('Every table of the migrations has row security on.'),
  except: z.record(z.string(), z.string()).default({}).describe('Tables left out, each with its reason.'),
  tenant: z.string().describe('Column that says whose a row is.'),
  identity: z
    .record(z.string(), z.string())
    .describe(
      'Settings that say who is speaking, with `{{tenant}}` and `{{role}}` in their text. Default: what the policies read.',
    )
    .optional(),
  rows: z
    .record(z.string(), z.record(z.string(), z.string()))
    .default({})
    .describe('Values of columns for rows that a proof makes, by table, where constraints do not tell.'),
  accepted: z
    .record(name, accepted)
    .default({})
    .describe('What a role may know or do of another after all; it stays listed in the evidence.'),
  ...citation,
})
