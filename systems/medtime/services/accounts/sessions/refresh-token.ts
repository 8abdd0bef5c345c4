import { createHash, createHmac, randomBytes } from 'node:crypto'

/** A refresh token taken apart. Whose it is stands inside, so that nobody has to be looked for. */
export interface RefreshToken {
  user: string
  session: string
  /** 32 bytes. */
  secret: Buffer
}

/** First byte of a token: its layout. */
const layout = 1
const length = 1 + 16 + 16 + 32

/** 65 bytes in base64url: layout, user, session, secret. */
export function writeRefreshToken({ user, session, secret }: RefreshToken): string {
  return Buffer.concat([Buffer.of(layout), bytesOf(user), bytesOf(session), secret]).toString('base64url')
}

/** Undefined when the text is no token of this layout. */
export function readRefreshToken(text: string): RefreshToken | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== length || bytes[0] !== layout || bytes.toString('base64url') !== text) return undefined
  return { user: uuidOf(bytes.subarray(1, 17)), session: uuidOf(bytes.subarray(17, 33)), secret: bytes.subarray(33) }
}

/** What the server keeps of a token. The secret is random, so that no slow hash is needed. */
export function hashToken(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export function newSecret(): Buffer {
  return randomBytes(32)
}

/**
 * The secret that follows another when the client named a retry key, so that the same request again gives the same token:
 * an answer may be lost. Who stole the token and not the request cannot know it, nor whether it was used.
 */
export function successorSecret(secret: Buffer, retryKey: string): Buffer {
  return createHmac('sha256', secret).update(`medtime refresh token\n${retryKey}`).digest()
}

function bytesOf(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
