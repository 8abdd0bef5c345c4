import { z } from 'zod'

/** What a database told of a check: one of its figures, or why it was not believed. */
export type SqlNotice = { check: string; value: number } | { refused: 'shape' | 'check' } | 'message'

const notice = z.strictObject({ check: z.string(), value: z.number() })
/** What the pager says on the same channel to people who listen there. */
const message = z.looseObject({ id: z.string(), text: z.string(), status: z.string() })

/**
 * Reads the payload of a NOTIFY. Every role of a database may notify, so that it is held to a shape and to the names that the plan
 * lists; nothing of it is repeated anywhere.
 */
export function readSqlNotice(payload: string, checks: ReadonlySet<string>): SqlNotice {
  let told: unknown
  try {
    told = JSON.parse(payload)
  } catch {
    return { refused: 'shape' }
  }
  if (message.safeParse(told).success) return 'message'
  const read = notice.safeParse(told)
  if (!read.success) return { refused: 'shape' }
  return checks.has(read.data.check) ? read.data : { refused: 'check' }
}
