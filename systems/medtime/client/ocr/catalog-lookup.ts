import type { Strength } from './reading.ts'

/** What a catalog knows of one medicine. */
export interface KnownMedicine {
  /** Every strength it is sold in; none listed means that none is known. */
  strengths: readonly Strength[]
}

/**
 * Asks a catalog for a medicine of exactly this name, case and accents aside; undefined when it has none. A name that is merely
 * near must not be found: a medicine is never guessed.
 */
export type CatalogLookup = (name: string) => KnownMedicine | undefined
