import { digestOf } from '../commitment/pinned.ts'
import type { Kdf } from './kdf.ts'

/** What the server keeps of a password: the wrapped master key, and how the password is stretched. */
export interface PasswordFacts {
  wrapped_master_key: string
  kdf: Kdf
}

export function passwordDigests({ wrapped_master_key, kdf }: PasswordFacts): { keys: string; kdf: string } {
  const { memory_kib, iterations, parallelism } = kdf
  return { keys: digestOf(wrapped_master_key), kdf: digestOf(`${memory_kib} ${iterations} ${parallelism}`) }
}

/** The digest of what the recovery code opens; of nothing when there is nothing. */
export function recoveryDigest(kept: { wrapped_master_key: string } | undefined): string {
  return kept === undefined ? digestOf() : digestOf(kept.wrapped_master_key)
}
