import { z } from 'zod'
import { sources } from '../catalog-import/source.ts'
import { type OutsideSource, type Place, placeOf } from './place.ts'

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//),
  CATALOG_MAX_BYTES: z.coerce.number().int().min(1).default(2_147_483_648),
  CATALOG_TIMEOUT_SECONDS: z.coerce.number().int().min(1).max(86_400).default(900),
})

/** What is taken from a source at most. */
export interface Bounds {
  /** Of one file, after it unfolds. */
  bytes: number
  /** For all files of a source to arrive. */
  timeoutMs: number
}

export interface CatalogConfig {
  host: string
  port: number
  databaseUrl: string
  bounds: Bounds
  /** The sources the operator configured; none unless told. */
  places: ReadonlyMap<OutsideSource, Place>
}

/** The variable that says where a source lies: CATALOG_EMA_RXNORM. */
export function variableOf(source: OutsideSource): string {
  return `CATALOG_${source.toUpperCase().replaceAll('-', '_')}`
}

/**
 * Reads the environment of the process.
 * @throws Error that names what is in the way, never a value
 */
export function readCatalogConfig(environment: NodeJS.ProcessEnv): CatalogConfig {
  const result = schema.safeParse(environment)
  const wrong = result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'))
  const places = new Map<OutsideSource, Place>()
  for (const source of sources) {
    if (source === 'starter') continue
    const text = environment[variableOf(source)]
    if (text === undefined || text === '') continue
    const place = placeOf(source, text)
    if (place === undefined) wrong.push(variableOf(source))
    else places.set(source, place)
  }
  if (!result.success || wrong.length > 0) {
    throw new Error(`These environment variables are missing or malformed: ${[...new Set(wrong)].join(', ')}`)
  }
  const { HOST, PORT, DATABASE_URL, CATALOG_MAX_BYTES, CATALOG_TIMEOUT_SECONDS } = result.data
  return {
    host: HOST,
    port: PORT,
    databaseUrl: DATABASE_URL,
    bounds: { bytes: CATALOG_MAX_BYTES, timeoutMs: CATALOG_TIMEOUT_SECONDS * 1_000 },
    places,
  }
}
