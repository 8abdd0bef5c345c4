import { z } from 'zod'
import { email } from '../account/handle.ts'
import { solution } from '../limits/challenge.ts'

/** A message of OPAQUE: bytes in base64url, which only the library reads. */
export const message = z.string().regex(/^[\w-]{1,1024}$/)

/** A master key that only its user can unwrap. */
export const wrappedKey = z.base64().min(4).max(512)

/**
 * How the client stretches a password, in Argon2id. Bounds keep out what no client would do; what is too weak the client
 * refuses, since only it sees the password.
 */
export const kdf = z.strictObject({
  memory_kib: z.int().min(8).max(4_194_304),
  iterations: z.int().min(1).max(64),
  parallelism: z.int().min(1).max(64),
})

export const recovery = z.strictObject({
  proof: z.base64().length(44).describe('32 bytes derived from the recovery code; the server keeps their hash.'),
  wrapped_master_key: wrappedKey,
})

export const registrationRequest = z.strictObject({ email, registration_request: message })
export const registrationAnswer = z.object({ registration_id: z.guid(), registration_response: message })

export const signUpRequest = z.strictObject({
  email,
  registration_id: z.guid(),
  registration_record: message,
  kdf,
  wrapped_master_key: wrappedKey,
  recovery,
})
export const signUpAnswer = z.object({}).describe('The same whether or not the address had an account.')

export const startRequest = z.strictObject({ email, login_request: message, challenge: solution.optional() })
export const startAnswer = z.object({ attempt_id: z.guid(), login_response: message, kdf })

/** What a password is replaced by. The master key stays what it was, wrapped anew. */
const replacement = {
  registration_id: z.guid(),
  registration_record: message,
  kdf,
  wrapped_master_key: wrappedKey,
}

export const changeStartRequest = z.strictObject({
  login_request: message,
  registration_request: message,
  challenge: solution.optional(),
})
export const changeStartAnswer = startAnswer.extend(registrationAnswer.shape)
export const changeRequest = z.strictObject({
  attempt_id: z.guid(),
  finish_request: message,
  ...replacement,
  recovery: recovery.optional().describe('Another recovery code; the one before is worth nothing then.'),
})

const proof = recovery.shape.proof
export const recoverRequest = z.strictObject({ email, proof, challenge: solution.optional() })
export const recoverAnswer = z.object({ wrapped_master_key: wrappedKey })
export const resetRequest = z.strictObject({ email, proof, ...replacement, recovery })
export const done = z.object({})
