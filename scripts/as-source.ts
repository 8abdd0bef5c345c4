const width = 100

/** A value as the TypeScript a person would write: single quotes, bare keys, short objects on one line. */
export function asSource(value: unknown, indent = 0, taken = 0): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const inline = onOneLine(value)
  if (indent * 2 + taken + inline.length <= width) return inline
  const pad = '  '.repeat(indent + 1)
  const members = Array.isArray(value)
    ? value.map((item) => `${pad}${asSource(item, indent + 1)},`)
    : Object.entries(value).map(([key, member]) => {
        const name = `${asKey(key)}: `
        return `${pad}${name}${asSource(member, indent + 1, name.length)},`
      })
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}\n${members.join('\n')}\n${'  '.repeat(indent)}${close}`
}

function onOneLine(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`
  const members = Object.entries(value).map(([key, member]) => `${asKey(key)}: ${onOneLine(member)}`)
  return members.length > 0 ? `{ ${members.join(', ')} }` : '{}'
}

function asKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
}

function quoted(text: string): string {
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replace(/[\\']/g, '\\$&')}'`
}
