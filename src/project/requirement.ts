import { z } from 'zod'

/** One line of a system's requirements.yaml: what it must do, in the project's own words, and where that stands. */
export const requirementSchema = z.strictObject({
  id: z.string().regex(/^[A-Z]{2}-[\w.]+$/, 'an id such as MI-6.1'),
  statement: z.string().min(1),
  source: z.string().min(1),
})

/** The file: a list, each id once. */
export const requirementsSchema = z.array(requirementSchema)

export type Requirement = z.infer<typeof requirementSchema>
