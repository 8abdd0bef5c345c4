/*
 * Prometheus reads patterns as RE2. JavaScript's are close: what only RE2 has is translated where that is exact, what only JavaScript
 * has (looking around, references back) is refused as Prometheus refuses it.
 */

const posixClasses: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\t\\n\\v\\f\\r ',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}

/** Escapes that mean the same to both; RE2 also lets punctuation be escaped that JavaScript does not. */
const sharedEscape = /^[dDwWbBpPfnrtvx0^$\\.*+?()[\]{}|/]$/

/** The pattern held against a whole text, or what is wrong with it. */
export function wholePattern(pattern: string): RegExp | { problem: string } {
  if (/\(\?(?:[=!]|<[=!])/.test(pattern)) return { problem: 'a pattern cannot look ahead or behind' }
  let unknown: string | undefined
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const body = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\\(.?)|\(\?P<|\[:(\w+):\]/gsu, (whole, escaped?: string, posix?: string) => {
      if (posix !== undefined) return posixClasses[posix] ?? whole
      if (escaped === undefined) return '(?<'
      if (escaped === 's') return '[\\t\\n\\f\\r ]'
      if (escaped === 'S') return '[^\\t\\n\\f\\r ]'
      if (sharedEscape.test(escaped)) return whole
      // Between brackets a hyphen has a meaning, and outside it must not be escaped.
      if (escaped === '-') return '\\x2d'
      if (/^[!-/:-@[-`{-~]$/.test(escaped)) return escaped
      unknown ??= whole
      return whole
    })
  if (unknown !== undefined) return { problem: `a pattern cannot use ${unknown} here` }
  try {
    return new RegExp(`^(?:${flags ? `(?${flags[1]}:${body})` : body})$`, 'u')
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}
