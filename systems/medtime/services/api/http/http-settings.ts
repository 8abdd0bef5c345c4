import { z } from 'zod'
import type { CertificateFiles } from './tls.ts'

const origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text)
const schema = z
  .object({
    CORS_ORIGINS: z
      .string()
      .default('')
      .transform((text) => text.split(',').filter((each) => each !== ''))
      .pipe(z.array(origin)),
    TLS_CERT_FILE: z.string().min(1).optional(),
    TLS_KEY_FILE: z.string().min(1).optional(),
  })
  .refine(({ TLS_CERT_FILE, TLS_KEY_FILE }) => (TLS_CERT_FILE === undefined) === (TLS_KEY_FILE === undefined), {
    path: ['TLS_CERT_FILE, TLS_KEY_FILE'],
  })

export interface HttpSettings {
  /** Origins whose pages may ask. */
  origins: string[]
  /** Where the certificate is, when the service itself ends TLS. */
  certificateFiles: CertificateFiles | undefined
}

/** @throws Error that names the variables in the way, never their values */
export function readHttpSettings(environment: NodeJS.ProcessEnv): HttpSettings {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map(({ path }) => String(path[0] ?? '')))]
    throw new Error(`These environment variables are missing or malformed: ${names.join(', ')}`)
  }
  const { CORS_ORIGINS: origins, TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = result.data
  return {
    origins,
    certificateFiles: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
  }
}
