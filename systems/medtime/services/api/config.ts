import { z } from 'zod'
import { loopback, networks } from './limits/networks.ts'

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
  ISSUER_URL: z.url({ protocol: /^https?$/ }).optional(),
  ACCOUNTS_URL: z.url({ protocol: /^https?$/ }).optional(),
  TOKEN_ISSUER: z.string().min(1).default('https://auth.medtime.app'),
  TOKEN_AUDIENCE: z.string().min(1).default('medtime-api'),
  DATABASE_LISTEN_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//)
    .optional(),
  DATABASE_POOL: z.coerce.number().int().min(3).max(200).default(15),
  TRUSTED_PROXIES: networks.optional(),
  LIMITS_EXEMPT: networks.optional(),
  LIMITS_TIMES: z.coerce.number().int().min(1).max(1_000_000).default(1),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  AVAL_ENVIRONMENT: z.string().default('development'),
})

export interface Config {
  host: string
  /** 0 for any free one. */
  port: number
  databaseUrl: string
  /** Where instances tell each other of changes: the database itself, past a pooler that has none of LISTEN. */
  changesUrl: string
  /** Connections of one instance to the database, but for the one that hears of changes. */
  poolSize: number
  /** Whose keys sign tokens: at `<url>/.well-known/jwks.json` of each. */
  keyUrls: string[]
  /** What `iss` and `aud` of a token must be. */
  tokenIssuer: string
  tokenAudience: string
  /** Proxies that are believed when they tell whom they speak for. */
  trustedProxies: string[]
  /** Addresses and networks whose requests are not counted. None in production. */
  limitsExempt: string[]
  /** Times what the plan allows. */
  limitsTimes: number
  /** Where requests are counted when not in the database. */
  redisUrl: string | undefined
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
  if (values.AVAL_ENVIRONMENT === 'production') {
    // It signs whatever it is asked for.
    if (values.ISSUER_URL !== undefined) throw new Error('ISSUER_URL names the development issuer: not in production')
    // Keys fetched in clear could be replaced on the way, and with them every token forged.
    if (values.ACCOUNTS_URL?.startsWith('https:') !== true) {
      throw new Error('ACCOUNTS_URL must be an https address in production')
    }
  }
  // Tokens of provers, which are the most in development, come first.
  const keyUrls = [values.ISSUER_URL, values.ACCOUNTS_URL].filter((url) => url !== undefined)
  if (keyUrls.length === 0) throw new Error('ACCOUNTS_URL or ISSUER_URL must name whose tokens are taken')
  // What a limit lets pass in production stands in the plan and nowhere else.
  if (values.AVAL_ENVIRONMENT === 'production' && (values.LIMITS_TIMES !== 1 || values.LIMITS_EXEMPT !== undefined)) {
    throw new Error('LIMITS_TIMES and LIMITS_EXEMPT are not for production')
  }
  // Provers work from this machine at rates no person has. Who is to be limited there comes as through a proxy.
  const scratch = values.AVAL_ENVIRONMENT === 'scratch'
  return {
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL,
    changesUrl: values.DATABASE_LISTEN_URL ?? values.DATABASE_URL,
    poolSize: values.DATABASE_POOL,
    keyUrls: keyUrls.map((url) => url.replace(/\/+$/, '')),
    tokenIssuer: values.TOKEN_ISSUER,
    tokenAudience: values.TOKEN_AUDIENCE,
    trustedProxies: values.TRUSTED_PROXIES ?? (scratch ? loopback : []),
    limitsExempt: values.LIMITS_EXEMPT ?? (scratch ? loopback : []),
    limitsTimes: values.LIMITS_TIMES,
    redisUrl: values.REDIS_URL,
  }
}
