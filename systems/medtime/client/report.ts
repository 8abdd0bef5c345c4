import type { Warning } from './commitment/notice.ts'
import type { Tampering } from './reconcile.ts'

/** A row the server gave, or failed to give, that this device does not believe. */
export interface TamperReport {
  id: string
  what: Tampering
}

/** What a person is told, once. */
export type Notice = RestoreNotice | FirstUseNotice | Warning

/** A new device without the mark of another one: it had to believe what it was shown, which may be old. */
export interface FirstUseNotice {
  kind: 'trust-on-first-use'
  epoch: number
}

export interface RestoreNotice {
  kind: 'server-restored'
  epoch: number
}
