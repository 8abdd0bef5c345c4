import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { joinFields } from '../associated-data.ts'
import { fromBase64, toBase64 } from '../base64.ts'
import type { Demand } from './mark-state.ts'
import { type PinnedFacts, pinnedFacts } from './pinned.ts'

/** What one device hands another, past the server: how much there must be, and what the account must look like. */
export interface HandedMark extends Demand {
  facts: PinnedFacts
}

/** An object cannot hold `__proto__` as it holds other names. */
const device = z.string().regex(/^(?!__proto__$)[A-Za-z0-9_-]{1,64}$/)
const body = z.object({
  e: z.int().min(1),
  s: z.record(device, z.int().min(0)),
  f: pinnedFacts,
})
const prefix = 'MT1.'
const tagLength = 16

/**
 * As text for a QR code, a message between one's own devices, or the sheet with the recovery code: about 60 characters, 30 more for each
 * device and 110 for each fact. It holds no key and nothing of anybody's health. Its tag is made with a key that only the user's devices
 * have: the server can neither write one nor change one.
 */
export function encodeHandedMark(user: string, key: Uint8Array, { epoch, seen, facts }: HandedMark): string {
  const bytes = utf8ToBytes(JSON.stringify({ e: epoch, s: seen, f: facts }))
  const text = new Uint8Array(tagLength + bytes.length)
  text.set(tagOf(user, key, bytes))
  text.set(bytes, tagLength)
  return prefix + toBase64(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Undefined when it is damaged, or was not made by a device of this user. */
export function decodeHandedMark(user: string, key: Uint8Array, text: string): HandedMark | undefined {
  const trimmed = text.trim()
  if (!/^MT1\.[A-Za-z0-9_-]+$/.test(trimmed)) return undefined
  try {
    const all = fromBase64(trimmed.slice(prefix.length).replaceAll('-', '+').replaceAll('_', '/'))
    const [tag, bytes] = [all.subarray(0, tagLength), all.subarray(tagLength)]
    const wanted = tagOf(user, key, bytes)
    // Every byte is looked at, whichever differs.
    if (tag.length !== tagLength || wanted.reduce((sum, byte, at) => sum | (byte ^ (tag[at] ?? 0)), 0) !== 0) {
      return undefined
    }
    const { e, s, f } = body.parse(JSON.parse(new TextDecoder().decode(bytes)))
    return { epoch: e, seen: s, facts: f }
  } catch {
    return undefined
  }
}

function tagOf(user: string, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const tagged = new Uint8Array([...joinFields('handed mark', user), ...bytes])
  return hmac(sha256, key, tagged).subarray(0, tagLength)
}
