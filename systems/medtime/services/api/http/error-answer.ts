import { z } from 'zod'

/** What every answer other than success holds. */
export const error = z.object({ code: z.string(), message: z.string() })

export const errorAnswer = z.object({ error })
