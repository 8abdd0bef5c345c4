import type { Run } from '../database.ts'

/**
 * What the services write into the log of accounts; more is written by triggers of its tables. Never what somebody has, only what was done.
 */
export type AuditEvent =
  | 'consent_given'
  | 'consent_withdrawn'
  | 'account_exported'
  | 'account_erased'
  | 'recovery_used'
  | 'recovery_code_used'
  | 'sign_in_challenged'
  | 'codes_locked'

/**
 * Writes one entry into the chained log. The last statement of the transaction it belongs to: the log is written by one at a time.
 * @param run inside that transaction
 */
export async function noteAudit(run: Run, user: string, event: AuditEvent, now: Date): Promise<void> {
  await run('note-audit', 'SELECT public.srv_note_audit($1,$2,$3)', [user, event, now])
}
