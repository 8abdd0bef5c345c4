import { argon2, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { z } from 'zod'
import { failure } from '../errors.ts'
import type { Secret } from './secret.ts'

const derive = promisify(argon2)

/** The second recommended choice of RFC 9106 §4: 64 MiB, three passes, four lanes. */
const cost = { memoryKiB: 65_536, passes: 3, lanes: 4 } as const

/** Fewer characters than these are guessed whatever the derivation costs. */
const shortest = 14

/**
 * A key wrapped by a passphrase: Argon2id gives 32 bytes, AES-256-GCM wraps with them. What a file says of the cost is bounded, so
 * that a changed one can neither weaken the derivation nor use up the machine.
 */
export const passphraseWrapSchema = z.strictObject({
  kind: z.literal('passphrase'),
  salt: z.base64().length(24),
  memoryKiB: z.int().min(65_536).max(2_097_152),
  passes: z.int().min(3).max(32),
  lanes: z.int().min(1).max(16),
  /** Nonce (12), wrapped bytes (32), tag (16). */
  wrapped: z.base64().length(80),
})

export type PassphraseWrap = z.infer<typeof passphraseWrapSchema>

/**
 * @param bytes 32 bytes.
 * @param context what the wrap belongs to; the same wrap elsewhere does not open.
 * @throws KEY_PASSPHRASE_SHORT
 */
export async function wrapByPassphrase(
  bytes: Uint8Array,
  passphrase: Secret<string>,
  context: string,
): Promise<PassphraseWrap> {
  if ([...passphrase.reveal().normalize('NFKC')].length < shortest) throw failure('KEY_PASSPHRASE_SHORT', { shortest })
  const salt = randomBytes(16)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', await stretch(passphrase, salt, cost), nonce)
  cipher.setAAD(Buffer.from(context, 'utf8'))
  const wrapped = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  return { kind: 'passphrase', salt: salt.toString('base64'), ...cost, wrapped: wrapped.toString('base64') }
}

/** The wrapped bytes; undefined when the passphrase is another one, or the wrap belongs elsewhere. */
export async function openByPassphrase(
  wrap: PassphraseWrap,
  passphrase: Secret<string>,
  context: string,
): Promise<Uint8Array | undefined> {
  const wrapped = Buffer.from(wrap.wrapped, 'base64')
  const key = await stretch(passphrase, Buffer.from(wrap.salt, 'base64'), wrap)
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, 12))
  decipher.setAAD(Buffer.from(context, 'utf8'))
  decipher.setAuthTag(wrapped.subarray(-16))
  try {
    return new Uint8Array(Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]))
  } catch {
    return undefined
  }
}

async function stretch(
  passphrase: Secret<string>,
  salt: Uint8Array,
  { memoryKiB, passes, lanes }: { memoryKiB: number; passes: number; lanes: number },
): Promise<Uint8Array> {
  const message = Buffer.from(passphrase.reveal().normalize('NFKC'), 'utf8')
  return derive('argon2id', { message, nonce: salt, memory: memoryKiB, passes, parallelism: lanes, tagLength: 32 })
}
