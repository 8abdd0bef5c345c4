import type { Address } from '../request.ts'
import { type Clock, systemClock } from '../retry.ts'
import { createFamilyApi, type FamilyApi } from './family-api.ts'
import type { FamilyNotice } from './notice.ts'

/** What both sides of a link are made with. */
export interface FamilyOptions {
  /** Of the API. */
  address: Address
  /** A valid access token; asked before every request. */
  token: () => Promise<string>
  /** The user's id, the `sub` of the token. */
  user: string
  /** Newest first; the first makes the key pair by which others know this person. */
  masterKeys: readonly [Uint8Array, ...Uint8Array[]]
  /** Told of everything a person should know; once for each time it is seen. */
  onNotice?: (notice: FamilyNotice) => void
  clock?: Clock
  /** Uniform in [0, 1), for the jitter of retries only. */
  random?: () => number
  fetch?: typeof fetch
  signal?: AbortSignal
}

export function familyApiOf(options: FamilyOptions): FamilyApi {
  return createFamilyApi({
    address: options.address,
    token: options.token,
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    signal: options.signal,
  })
}

/** What a person typed is not the code of this link: mistyped, or somebody stands between. Nothing was shared. */
export class CodeDiffers extends Error {
  constructor() {
    super('the code is not the one of this link')
    this.name = 'CodeDiffers'
  }
}

/** Something does not stand as it must for this step. */
export class NotLinked extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotLinked'
  }
}
