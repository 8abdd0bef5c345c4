/*
 * Whom commits wait for: `synchronous_standby_names`, which the receiver of the WAL and the standby share. Each puts itself in and takes itself
 * out, and leaves the other as it is. What somebody else wrote there is left alone by both.
 */

/** The name the standby goes by, and its slot on the primary. */
export const standbyName = 'aval_standby'

const both = (receiver: string) => `FIRST 2 (${receiver}, ${standbyName})`
const shared = /^FIRST 2 \((\S+), aval_standby\)$/

/** @param receiver as an identifier of SQL. @returns undefined when the setting is somebody else's. */
export function withReceiver(names: string, receiver: string): string | undefined {
  const now = names.trim()
  if (now === '' || now === receiver) return receiver
  return now === standbyName || now === both(receiver) ? both(receiver) : undefined
}

/** @returns undefined when the receiver is not in it, or the setting is somebody else's. */
export function withoutReceiver(names: string, receiver: string): string | undefined {
  const now = names.trim()
  if (now === receiver) return ''
  return now === both(receiver) ? standbyName : undefined
}

export function withStandby(names: string): string {
  const others = withoutStandby(names)
  return others === '' ? standbyName : both(others)
}

export function withoutStandby(names: string): string {
  const now = names.trim()
  if (now === standbyName) return ''
  return shared.exec(now)?.[1] ?? now
}
