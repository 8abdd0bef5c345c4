import { z } from 'zod'

/** Keys of 32 bytes that seal what stands in the database. The first seals; every one opens, so that keys can be replaced. */
export interface KeyRing {
  keys: readonly [Buffer, ...Buffer[]]
  /**
   * What names are hashed with, so that they are found again. It stays when keys are replaced: a hash cannot be made anew without the name.
   * Derived from the only key where it is undefined.
   */
  names: Buffer | undefined
}

const patterns = { base64: '[A-Za-z0-9+/]{43}=', hex: '[0-9a-f]{64}' } as const
type KeyEncoding = keyof typeof patterns

/** One key. */
export function keyText(encoding: KeyEncoding) {
  return z
    .string()
    .regex(new RegExp(`^${patterns[encoding]}$`))
    .transform((text) => Buffer.from(text, encoding))
}

/** Up to three keys with commas between, the one that seals first. */
export function keysText(encoding: KeyEncoding) {
  return z
    .string()
    .regex(new RegExp(`^${patterns[encoding]}(,${patterns[encoding]}){0,2}$`))
    .transform((text): KeyRing['keys'] => {
      const [first = '', ...rest] = text.split(',')
      return [Buffer.from(first, encoding), ...rest.map((each) => Buffer.from(each, encoding))]
    })
}

/**
 * @param variable of the keys, for the message
 * @throws Error where names would be hashed with another key than before
 */
export function ringOf(variable: string, keys: KeyRing['keys'], names: Buffer | undefined): KeyRing {
  if (keys.length > 1 && names === undefined) {
    throw new Error(
      `${variable} holds several keys, so that ${variable.replace(/KEY$/, 'NAMES_KEY')} is needed as well`,
    )
  }
  return { keys, names }
}

/** The first that opens it. @throws what the last one throws */
export function openWithAny<Key, T>(keys: readonly Key[], open: (key: Key) => T): T {
  let failure: unknown
  for (const key of keys) {
    try {
      return open(key)
    } catch (thrown) {
      failure = thrown
    }
  }
  throw failure
}
