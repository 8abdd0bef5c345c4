/**
 * Whether an object of a JSON text names a member twice. Parsers disagree which of the two counts, so that what one checked another
 * may not see: RFC 7519 §4 lets such a token be refused.
 * @param text well-formed JSON
 */
export function hasRepeatedMembers(text: string): boolean {
  /** Names of the objects that are open; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  for (const { 0: part, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (part === '{') open.push(new Set())
    else if (part === '[') open.push(undefined)
    else if (part === '}' || part === ']') open.pop()
    else if (/^\s*:/.test(text.slice(index + part.length, index + part.length + 16))) {
      const names = open.at(-1)
      const name: unknown = JSON.parse(part)
      if (typeof name !== 'string') continue
      if (names?.has(name)) return true
      names?.add(name)
    }
  }
  return false
}
