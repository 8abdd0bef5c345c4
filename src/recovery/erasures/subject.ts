import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'

/** How the data of one kind of subject is erased: an entry of `recovery.erasures`. */
export type ErasureRule = Plan['recovery']['erasures'][string]

const forms = {
  uuid: z.uuid(),
  bigint: z.string().regex(/^-?\d{1,19}$/),
  text: z.string().min(1).max(1_000),
} as const satisfies Record<ErasureRule['parameter'], z.ZodType<string>>

/** Whether a text can name a subject of an erasure. The text itself must never stand in a message. */
export function isSubject(parameter: ErasureRule['parameter'], text: string): boolean {
  return forms[parameter].safeParse(text).success
}
