import { z } from 'zod'

/** What was spent, as whoever sends the bill tells it. */
const samplesSchema = z.strictObject({
  currency: z.string(),
  days: z
    .array(z.strictObject({ date: z.iso.date(), item: z.string().min(1).optional(), amount: z.number() }))
    .min(1)
    .max(100_000),
})

export type Samples = z.output<typeof samplesSchema>

/**
 * Reads samples from JSON. Credits are below zero.
 * @throws with where it is not of the form; never with what stands there.
 */
export function readSamples(text: string, currency: string): Samples {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('it is not JSON')
  }
  const parsed = samplesSchema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(`it is not of the form: ${issue?.code ?? 'wrong'} at ${issue?.path.join('.') || 'the top'}`)
  }
  if (parsed.data.currency !== currency) throw new Error(`it is not in ${currency}`)
  return parsed.data
}
