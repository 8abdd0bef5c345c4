import { z } from 'zod'

/** Somebody else who signs people in, and whose ID tokens are taken for tokens of ours. */
export const provider = z.strictObject({
  /** What clients call it: `google`, `apple`. */
  name: z.string().regex(/^[a-z0-9-]{1,64}$/),
  /** `iss` of its tokens. */
  issuer: z.string().min(1),
  /** Any of these must be the `aud` of a token: our client ids at the provider. */
  audience: z.array(z.string().min(1)).min(1),
  /** Where its keys are; asked of its discovery document unless told. */
  jwks_uri: z.url({ protocol: /^https?$/ }).optional(),
  /** The claim that says a person's tier, where the provider keeps it; everybody is free otherwise. */
  tier_claim: z.string().min(1).optional(),
  /** What a token holds when the provider asked for a second factor: `amr` with `mfa`, or `aal` with `aal2`. */
  second_factor: z.strictObject({ claim: z.string().min(1), value: z.string().min(1) }).optional(),
})

export type Provider = z.output<typeof provider>

/** The providers as the environment names them: a JSON array. */
export const providers = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.issues.push({ code: 'custom', message: 'not JSON', input: text })
      return z.NEVER
    }
  })
  .pipe(z.array(provider))
