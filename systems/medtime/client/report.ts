import type { Tampering } from './reconcile.ts'

/** A row the server gave, or failed to give, that this device does not believe. */
export interface TamperReport {
  id: string
  what: Tampering
}
