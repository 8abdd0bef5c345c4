import { createHash } from 'node:crypto'

/** How an instance hears that sessions end, wherever they are ended. */
export interface SessionEnds {
  /** Told the name of each session that ended. */
  onSessionEnd(listener: (name: string) => void): void
  /** Told when some of that may have been missed. */
  onGap(listener: () => void): void
}

/** What instances call a session: it leads to nobody. The same as `srv_tell_session_end` of the database makes. */
export function sessionName(session: string): string {
  return createHash('sha256').update(session.toLowerCase()).digest('hex').slice(0, 32)
}
