/**
 * Standard base64 with padding. Platforms of 2025 do it themselves, a hundred times as fast, which every push feels; where they do not,
 * browsers and Node both have btoa and atob, and pieces keep the argument list short.
 */
export function toBase64(bytes: Uint8Array): string {
  return typeof bytes.toBase64 === 'function' ? bytes.toBase64() : byCharacters(bytes)
}

/** @throws when the text is not base64 */
export function fromBase64(text: string): Uint8Array {
  return typeof Uint8Array.fromBase64 === 'function' ? Uint8Array.fromBase64(text) : fromCharacters(text)
}

/** What `toBase64` does on older platforms. */
export function byCharacters(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += 8_192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8_192))
  }
  return btoa(binary)
}

/** What `fromBase64` does on older platforms. A loop: `Uint8Array.from` with a function takes twenty times as long. */
export function fromCharacters(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
