import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../plan/canonical-json.ts'
import { openWithIdentities, sealToRecipients } from './age.ts'
import { formatRing, type KeyRing, keyId, parseRing } from './key-ring.ts'
import { openByPassphrase, passphraseWrapSchema, wrapByPassphrase } from './passphrase.ts'
import type { Secret } from './secret.ts'

/*
 * A key ring at rest that a thief of the file cannot use: the ring is sealed under a random file key, and each holder has the file
 * key wrapped for itself. Holders come and go by wrapping 32 bytes again; neither the ring nor any backup is written anew.
 */

const ageWrapSchema = z.strictObject({
  kind: z.literal('age'),
  recipient: z.string().regex(/^age1[a-z0-9]+$/),
  /** The file key in an armoured age file. */
  wrapped: z.string().max(4_096),
})

const lockedSchema = z.strictObject({
  format: z.literal('aval-key-1'),
  system: z.string(),
  /** Ids of the keys inside, the present one first. */
  keys: z.array(z.string().regex(/^[0-9a-f]{16}$/)).min(1),
  holders: z.array(z.discriminatedUnion('kind', [passphraseWrapSchema, ageWrapSchema])).min(1),
  /** Nonce (12), ring, tag (16), under the file key. */
  sealed: z.base64(),
})

export type LockedKey = z.infer<typeof lockedSchema>

/** Who may open a ring. At most one passphrase: a file has one owner who types. */
export interface Holders {
  passphrase?: Secret<string>
  recipients: readonly string[]
}

/** What a person brings to open one. */
export interface Unlock {
  passphrase?: Secret<string>
  identities?: readonly Secret<string>[]
}

/** @throws KEY_PASSPHRASE_SHORT, KEY_RECIPIENT_INVALID. */
export async function lockRing(ring: KeyRing, system: string, holders: Holders): Promise<LockedKey> {
  const fileKey = randomBytes(32)
  const wraps: LockedKey['holders'] = []
  if (holders.passphrase) wraps.push(await wrapByPassphrase(fileKey, holders.passphrase, contextOf(system)))
  for (const recipient of new Set(holders.recipients)) {
    wraps.push({ kind: 'age', recipient, wrapped: await sealToRecipients(fileKey, [recipient]) })
  }
  return { ...sealRing(ring, system, fileKey), holders: wraps }
}

/** The ring; undefined when nothing that was brought opens it, or it was changed. */
export async function openLocked(locked: LockedKey, unlock: Unlock): Promise<KeyRing | undefined> {
  return (await open(locked, unlock))?.ring
}

/**
 * Another ring for the same holders, none of whom has to be there but the one who opens it.
 * @returns undefined when nothing that was brought opens it.
 */
export async function replaceRing(
  locked: LockedKey,
  unlock: Unlock,
  replace: (ring: KeyRing) => KeyRing,
): Promise<LockedKey | undefined> {
  const opened = await open(locked, unlock)
  if (!opened) return undefined
  return { ...sealRing(replace(opened.ring), locked.system, opened.fileKey), holders: locked.holders }
}

async function open(locked: LockedKey, unlock: Unlock): Promise<{ ring: KeyRing; fileKey: Uint8Array } | undefined> {
  const { format, system, keys } = locked
  const sealed = Buffer.from(locked.sealed, 'base64')
  for (const holder of locked.holders) {
    const fileKey =
      holder.kind === 'age'
        ? await openWithIdentities(holder.wrapped, unlock.identities ?? [])
        : unlock.passphrase && (await openByPassphrase(holder, unlock.passphrase, contextOf(system)))
    if (fileKey?.length !== 32) continue
    const decipher = createDecipheriv('aes-256-gcm', fileKey, sealed.subarray(0, 12))
    decipher.setAAD(Buffer.from(canonicalJson({ format, system, keys }), 'utf8'))
    decipher.setAuthTag(sealed.subarray(-16))
    try {
      const text = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('utf8')
      const ring = parseRing(text)
      return ring && { ring, fileKey }
    } catch {
      return undefined
    }
  }
  return undefined
}

function sealRing(ring: KeyRing, system: string, fileKey: Uint8Array): Omit<LockedKey, 'holders'> {
  const place = { format: 'aval-key-1', system, keys: ring.map(keyId) } as const
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', fileKey, nonce)
  cipher.setAAD(Buffer.from(canonicalJson(place), 'utf8'))
  const sealed = Buffer.concat([nonce, cipher.update(formatRing(ring)), cipher.final(), cipher.getAuthTag()])
  return { ...place, sealed: sealed.toString('base64') }
}

export function formatLocked(locked: LockedKey): string {
  return `${JSON.stringify(locked, null, 2)}\n`
}

/** A locked key of a text; undefined when it is none. */
export function parseLocked(text: string): LockedKey | undefined {
  try {
    return lockedSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function contextOf(system: string): string {
  return `aval-key-1\n${system}`
}
