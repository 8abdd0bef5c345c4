import { createHash } from 'node:crypto'
import type { Kdf, PasswordRecord, Recovery } from '../account/accounts.ts'

/** What a client sends of a new password. */
interface SentPassword {
  registration_id: string
  registration_record: string
  kdf: Kdf
  wrapped_master_key: string
}

export function passwordRecord(sent: SentPassword): PasswordRecord {
  return {
    registrationId: sent.registration_id,
    registration: sent.registration_record,
    kdf: sent.kdf,
    wrappedMasterKey: Buffer.from(sent.wrapped_master_key, 'base64'),
  }
}

export function recoveryRecord(sent: { proof: string; wrapped_master_key: string }): Recovery {
  return { proofHash: proofHash(sent.proof), wrappedMasterKey: Buffer.from(sent.wrapped_master_key, 'base64') }
}

/** A proof is derived from 128 random bits: no slow hash is needed. */
export function proofHash(proof: string): Buffer {
  return createHash('sha256').update(Buffer.from(proof, 'base64')).digest()
}
