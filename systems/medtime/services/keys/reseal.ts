/** What a walk over everything sealed came to. */
export interface Resealed {
  /** Things that are sealed. */
  looked: number
  /** Those that were sealed under a former key, and no longer are. */
  resealed: number
}

/**
 * Seals anew what the newest key alone does not open.
 * @param newest opens and seals with the newest key alone
 * @param ring opens with any
 * @returns undefined when it is under the newest already
 * @throws when no key opens it
 */
export function sealedAnew<Sealed extends Uint8Array>(
  sealed: Sealed,
  place: string,
  newest: { open(sealed: Sealed, place: string): string; seal(text: string, place: string): Buffer },
  ring: { open(sealed: Sealed, place: string): string },
): Buffer | undefined {
  const isNewest = (() => {
    try {
      newest.open(sealed, place)
      return true
    } catch {
      return false
    }
  })()
  return isNewest ? undefined : newest.seal(ring.open(sealed, place), place)
}
