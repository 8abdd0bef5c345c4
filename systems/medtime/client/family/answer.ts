import { bytesToHex } from '@noble/hashes/utils.js'
import { fromBase64 } from '../base64.ts'
import type { OwnInvite } from './state.ts'
import { type Side, secretsOf, tagOf } from './verification.ts'
import type { FamilyLinks } from './wire.ts'

/** What the server says of somebody who answered an invite. */
export type AnsweredLink = FamilyLinks['supervisors'][number]

/** Somebody answered an invite; `code` is what both compare. */
export interface Answer {
  supervisor: string
  invite: string
  entityTypes: readonly string[]
  /** Six groups of five digits. */
  code: string
}

/**
 * Whether an answer may be believed as far as an invite goes: `forged` when whoever gave it did not hold the invite, `another` when the
 * invite is bound to a different one. After our number is revealed, another answer could have been made to fit.
 */
export function readAnswer(link: AnsweredLink, invite: OwnInvite, user: string): Side | 'forged' | 'another' {
  const side = { user: link.user_id, publicKey: fromBase64(link.public_key), nonce: fromBase64(link.nonce) }
  const { kept } = secretsOf({ id: link.invite_id, secret: fromBase64(invite.secret) })
  if (bytesToHex(tagOf(kept, user, side)) !== bytesToHex(fromBase64(link.tag))) return 'forged'
  const { answer } = invite
  const bound =
    answer === null ||
    (answer.user === link.user_id && answer.publicKey === link.public_key && answer.nonce === link.nonce)
  return bound ? side : 'another'
}
