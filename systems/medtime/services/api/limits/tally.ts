/** What is asked of one bucket for all requests that wait. */
export interface Wanted {
  key: string
  allowed: number
  windowMs: number
  /** Requests to count, at least one. */
  count: number
  /** The slice of the window that is now. */
  slice: number
}

/** What a bucket gave. */
export interface Granted {
  /** Of the requests wanted: as many as there was room for. */
  count: number
  /** Requests of the last window, these included. */
  used: number
  /** The slice they were counted in. */
  slice: number
  /** Requests of the 61 slices up to that one, oldest first; told when the bucket is full. */
  slices: readonly number[] | undefined
}

/** Where requests are counted: one call for many buckets. */
export interface Tally {
  /** @returns by key */
  take(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Granted>>
  /** Takes back what was counted in vain. */
  giveBack(given: readonly { key: string; count: number; slice: number }[]): Promise<void>
}
