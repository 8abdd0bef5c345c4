/** One limit of one user or one address. */
export interface Bucket {
  /** The limit and whom it counts, hashed. */
  key: string
  /** Requests in any window. */
  allowed: number
  windowMs: number
}

/** How a bucket stands after a request. */
export interface Count {
  /** Requests of the last window, this one included when it was counted. */
  used: number
  /** Milliseconds until a bucket that is full takes one more; 0 while there is room. */
  freesMs: number
}

export interface Taken {
  allowed: boolean
  /** One for each bucket, in their order. */
  counts: readonly Count[]
}

/** Counts requests for all instances together. */
export interface Counter {
  /**
   * Counts one request in every bucket, or in none when one is full: never more than allowed in any window, wherever it
   * begins, and not one fewer when they come at once.
   * @param now milliseconds since the epoch
   */
  take(buckets: readonly Bucket[], now: number): Promise<Taken>
}

/** A window has so many slices; a request counts until the whole of its slice is a window old. */
export const slicesOfWindow = 60
