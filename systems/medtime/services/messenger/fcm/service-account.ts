import { z } from 'zod'

/** The key file of a service account, as Google Cloud gives it out; what else stands in it is not needed. */
export const serviceAccount = z.object({
  type: z.literal('service_account'),
  project_id: z.string().regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/),
  private_key_id: z.string().min(1),
  private_key: z.string().startsWith('-----BEGIN PRIVATE KEY-----'),
  client_email: z.email(),
  token_uri: z.url({ protocol: /^https?$/ }),
})
export type ServiceAccount = z.output<typeof serviceAccount>
