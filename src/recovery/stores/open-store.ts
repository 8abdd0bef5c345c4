import { isAbsolute, join, resolve } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure, messageOf } from '../../errors.ts'
import type { Plan } from '../../plan/plan.ts'
import { seededRandom } from '../../random.ts'
import { secret } from '../../secrets/secret.ts'
import { probeStore, readCapabilities, recordCapabilities } from './capabilities.ts'
import { directoryStore } from './directory-store.ts'
import { describeLocation, parseS3Location, type S3Location } from './s3/location.ts'
import type { S3Credentials } from './s3/request.ts'
import { s3Store } from './s3/s3-store.ts'
import type { Store } from './store.ts'

type Variables = Readonly<Record<string, string | undefined>>

export interface PlanStoreOptions {
  system: string
  /** `recovery.stores` of the plan. */
  stores: Plan['recovery']['stores']
  /** A name of them. */
  name: string
  /** `process.env`. */
  variables: Variables
  /** `.aval/<system>`: where stores lie whose variable is not set, and where it is written down what stores can do. */
  state: string
  clock: Clock
  /** Whether it will be written to: what it can do is then found out first, once. */
  write: boolean
  /** Refuses a store whose variable is not set instead of keeping it in `state`. */
  located?: boolean
}

/**
 * Opens a store the plan names: where its variable says, else in development in a directory.
 * @throws STORE_UNKNOWN, STORE_LOCATION_INVALID, STORE_LOCATION_UNSET, STORE_CREDENTIALS_MISSING; and when it must be tried first
 * what the store throws.
 */
export async function openPlanStore(options: PlanStoreOptions): Promise<Store> {
  const { system, stores, name, variables, state, clock } = options
  const planned = stores[name]
  // Without a section about recovery every plan still has its primary store.
  if (!planned && name !== 'primary') {
    throw failure('STORE_UNKNOWN', { system, name, known: Object.keys(stores).join(', ') || 'none' })
  }
  const variable = planned?.location
  const text = variable === undefined ? undefined : variables[variable]
  if (text === undefined || text === '') {
    if (options.located && variable !== undefined) throw failure('STORE_LOCATION_UNSET', { name, variable })
    return directoryStore(developmentStore(state, name))
  }
  const origin = `the variable ${variable}`
  if (!text.startsWith('s3:') && !isAbsolute(text)) {
    throw failure('STORE_LOCATION_INVALID', { origin, problem: 'it is neither an absolute path nor s3://...' })
  }
  return openStoreAt({
    text,
    origin,
    directory: state,
    variables,
    clock,
    record: capabilitiesFile(state, name),
    write: options.write,
    ...(planned?.credentials ? { credentials: planned.credentials } : {}),
  })
}

/** The directory that stands for a store in development. */
export function developmentStore(state: string, name: string): string {
  return name === 'primary' ? join(state, 'repository') : join(state, 'stores', name)
}

/** Where it is written down what a store can do. */
export function capabilitiesFile(state: string, name: string): string {
  return join(state, 'stores', `${name}.json`)
}

export interface StoreAtOptions {
  /** A directory, or `s3://...`. */
  text: string
  /** Where the text stands, for messages: `--repository`. */
  origin: string
  /** What a relative path begins from. */
  directory: string
  variables: Variables
  clock: Clock
  /** Names of the variables with the access key. */
  credentials?: { accessKeyId: string; secretAccessKey: string }
  /** File where it is written down what the store can do. */
  record?: string
  write: boolean
}

/** Opens a store by its location. @throws as `openPlanStore`. */
export async function openStoreAt(options: StoreAtOptions): Promise<Store> {
  const { text, origin, clock, record } = options
  if (!text.startsWith('s3:')) return directoryStore(resolve(options.directory, text))
  const location = locationOf(text, origin)
  const credentials = credentialsOf(options, location)
  const common = { location, credentials, clock, random: seededRandom(clock.now() >>> 0) }
  const store = s3Store(common)
  const known = record === undefined ? undefined : await readCapabilities(record, store.place)
  const tried = known ?? (options.write ? await probeStore(store, clock) : undefined)
  if (tried && !known && record !== undefined) await recordCapabilities(record, tried)
  if (!tried || tried.conditionalWrites === 'enforced') return store
  return s3Store({ ...common, conditionalWrites: tried.conditionalWrites })
}

function locationOf(text: string, origin: string): S3Location {
  try {
    return parseS3Location(text)
  } catch (cause) {
    throw failure('STORE_LOCATION_INVALID', { origin, problem: messageOf(cause) }, { cause })
  }
}

function credentialsOf({ variables, credentials }: StoreAtOptions, location: S3Location): S3Credentials {
  const names = credentials ?? { accessKeyId: 'AWS_ACCESS_KEY_ID', secretAccessKey: 'AWS_SECRET_ACCESS_KEY' }
  const [id, key] = [variables[names.accessKeyId], variables[names.secretAccessKey]]
  if (!id || !key) {
    throw failure('STORE_CREDENTIALS_MISSING', {
      place: describeLocation(location),
      variables: id ? names.secretAccessKey : names.accessKeyId,
      both: `${names.accessKeyId} and ${names.secretAccessKey}`,
    })
  }
  const token = variables['AWS_SESSION_TOKEN']
  return {
    accessKeyId: id,
    secretAccessKey: secret(key),
    // A token belongs to the key it was issued with, never to another store's own.
    ...(token && !credentials ? { sessionToken: secret(token) } : {}),
  }
}
