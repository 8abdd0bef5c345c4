import { z } from 'zod'

/** What any entry of a plan may carry: where the promise stands and what it covers. */
export const citation = {
  source: z
    .string()
    .min(1)
    .describe("Document and section the entry comes from, such as 'TECH-INF-001 §6.1'.")
    .optional(),
  requirements: z.array(z.string()).default([]).describe('Requirement ids that the entry covers.'),
  note: z
    .string()
    .describe('Why the entry reads as it does where its document is silent or contradicts another.')
    .optional(),
}

/** Names used as keys in a plan: letters, digits, '-' and '_', starting with a letter. */
export const name = z
  .string()
  .regex(/^[A-Za-z][\w-]*$/, 'a name starts with a letter and holds letters, digits, "-" and "_"')
