import { z } from 'zod'

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
  ISSUER_URL: z.url({ protocol: /^https?$/ }),
  TOKEN_ISSUER: z.string().min(1).default('https://auth.medtime.app'),
  TOKEN_AUDIENCE: z.string().min(1).default('medtime-api'),
  DATABASE_POOL: z.coerce.number().int().min(1).max(200).default(15),
  AVAL_ENVIRONMENT: z.string().default('development'),
})

export interface Config {
  host: string
  /** 0 for any free one. */
  port: number
  databaseUrl: string
  /** Connections of one instance. */
  poolSize: number
  /** Where the keys are: `<issuerUrl>/.well-known/jwks.json`. */
  issuerUrl: string
  /** What `iss` and `aud` of a token must be. */
  tokenIssuer: string
  tokenAudience: string
}

/**
 * Reads the environment of the process.
 * @throws Error that names the variables in the way, never their values: one of them holds a password.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join('.')))]
    throw new Error(`These environment variables are missing or malformed: ${names.join(', ')}`)
  }
  const values = result.data
  // Keys fetched in clear could be replaced on the way, and with them every token forged.
  if (values.AVAL_ENVIRONMENT === 'production' && !values.ISSUER_URL.startsWith('https:')) {
    throw new Error('ISSUER_URL must be an https address in production')
  }
  return {
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL,
    poolSize: values.DATABASE_POOL,
    issuerUrl: values.ISSUER_URL.replace(/\/+$/, ''),
    tokenIssuer: values.TOKEN_ISSUER,
    tokenAudience: values.TOKEN_AUDIENCE,
  }
}
