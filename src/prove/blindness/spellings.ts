import { createHash } from 'node:crypto'

/**
 * Every way of writing a text of ASCII letters and digits that a log, a metric, a file or an answer could hold.
 * @returns how it is written, by what is written
 */
export function spellingsOf(text: string): Map<string, string> {
  const bytes = Buffer.from(text)
  const hex = bytes.toString('hex')
  const found = new Map([
    [text, 'in clear'],
    [text.toUpperCase(), 'in capitals'],
    [`${text.slice(0, 1).toUpperCase()}${text.slice(1)}`, 'capitalised'],
    [[...text].reverse().join(''), 'backwards'],
    [hex, 'in hexadecimal'],
    [hex.toUpperCase(), 'in hexadecimal'],
    [[...bytes].map((byte) => `%${byte.toString(16)}`).join(''), 'percent-encoded'],
    [[...bytes].map((byte) => `\\u00${byte.toString(16)}`).join(''), 'in escapes of JSON'],
    [[...text].join('\0'), 'in UTF-16'],
  ])
  // Base64 of something longer shows the text in one of three ways, by how many bytes stand before it.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const certain = Math.floor(((before + bytes.length) * 8) / 6)
    found.set(whole.slice(Math.ceil((before * 8) / 6), certain), 'in base64')
  }
  return found
}

/** Digests without a key, which whoever knows the few texts a person may have typed finds again by trying them. */
export function digestsOf(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
    const digest = createHash(algorithm).update(text).digest()
    found.set(digest.toString('hex'), `as its ${algorithm}`)
    found.set(digest.toString('base64').replace(/=+$/, ''), `as its ${algorithm}`)
    found.set(digest.toString('base64url'), `as its ${algorithm}`)
  }
  return found
}
