import { createHash } from 'node:crypto'
import { z } from 'zod'
import { loopback, networks } from '../api/limits/networks.ts'
import { type KeyRing, keysText, keyText, ringOf } from '../keys/key-ring.ts'
import { type Provider, providers } from './identity/provider.ts'

const developmentEnvironments = ['development', 'scratch']

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
  DATABASE_POOL: z.coerce.number().int().min(1).max(200).default(15),
  TOKEN_ISSUER: z.string().min(1).default('https://auth.medtime.app'),
  TOKEN_AUDIENCE: z.string().min(1).default('medtime-api'),
  ACCOUNTS_KEY: keysText('base64').optional(),
  ACCOUNTS_NAMES_KEY: keyText('base64').optional(),
  IDENTITY_PROVIDERS: providers.optional(),
  ISSUER_URL: z.url({ protocol: /^https?$/ }).optional(),
  TRUSTED_PROXIES: networks.optional(),
  LIMITS_EXEMPT: networks.optional(),
  LIMITS_TIMES: z.coerce.number().int().min(1).max(1_000_000).default(1),
  AVAL_ENVIRONMENT: z.string().default('development'),
})

export interface Config {
  host: string
  /** 0 for any free one. */
  port: number
  databaseUrl: string
  /** Connections of one instance. */
  poolSize: number
  /** `iss` and `aud` of its tokens. */
  tokenIssuer: string
  tokenAudience: string
  /** What seals the secrets in the database. Whoever restores the database needs them as well. */
  sealing: KeyRing
  /** Whose ID tokens are taken for tokens of ours. */
  providers: Provider[]
  /** Proxies that are believed when they tell whom they speak for. */
  trustedProxies: string[]
  /** Addresses and networks whose requests are not counted. None in production. */
  limitsExempt: string[]
  /** Times what the plan allows. */
  limitsTimes: number
}

/**
 * Reads the environment of the process.
 * @throws Error that names the variables in the way, never their values: they hold a password and a key.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const result = schema.safeParse(environment)
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join('.')))]
    throw new Error(`These environment variables are missing or malformed: ${names.join(', ')}`)
  }
  const values = result.data
  // Everybody knows the one that development goes with.
  if (!developmentEnvironments.includes(values.AVAL_ENVIRONMENT) && values.ACCOUNTS_KEY === undefined) {
    throw new Error('ACCOUNTS_KEY must hold 32 bytes in base64 outside development')
  }
  // What a limit lets pass in production stands in the plan and nowhere else.
  if (values.AVAL_ENVIRONMENT === 'production' && (values.LIMITS_TIMES !== 1 || values.LIMITS_EXEMPT !== undefined)) {
    throw new Error('LIMITS_TIMES and LIMITS_EXEMPT are not for production')
  }
  // It vouches for whomever it is asked to.
  if (values.AVAL_ENVIRONMENT === 'production' && values.ISSUER_URL !== undefined) {
    throw new Error('ISSUER_URL names the development issuer: not in production')
  }
  const clear = (values.IDENTITY_PROVIDERS ?? []).some(
    ({ issuer, jwks_uri }) => !(jwks_uri ?? issuer).startsWith('https:'),
  )
  if (values.AVAL_ENVIRONMENT === 'production' && clear) {
    throw new Error('IDENTITY_PROVIDERS must be at https addresses in production')
  }
  const development = values.ISSUER_URL === undefined ? [] : [developmentProvider(values.ISSUER_URL)]
  const scratch = values.AVAL_ENVIRONMENT === 'scratch'
  return {
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL,
    poolSize: values.DATABASE_POOL,
    tokenIssuer: values.TOKEN_ISSUER,
    tokenAudience: values.TOKEN_AUDIENCE,
    providers: [...development, ...(values.IDENTITY_PROVIDERS ?? [])],
    trustedProxies: values.TRUSTED_PROXIES ?? (scratch ? loopback : []),
    limitsExempt: values.LIMITS_EXEMPT ?? (scratch ? loopback : []),
    limitsTimes: values.LIMITS_TIMES,
    // Not one made here: a database that is restored on another machine must open there.
    sealing: ringOf('ACCOUNTS_KEY', values.ACCOUNTS_KEY ?? [developmentKey()], values.ACCOUNTS_NAMES_KEY),
  }
}

function developmentKey(): Buffer {
  return createHash('sha256').update('medtime: a key of accounts for development').digest()
}

/** The issuer that provers use, as somebody else who signs people in: it tells their tier and that it asked for two factors. */
function developmentProvider(url: string): Provider {
  return {
    name: 'development',
    issuer: 'https://development.example.test',
    audience: ['medtime-accounts'],
    jwks_uri: `${url.replace(/\/+$/, '')}/.well-known/jwks.json`,
    tier_claim: 'tier',
    second_factor: { claim: 'amr', value: 'mfa' },
  }
}
