import { Refusal } from './refusal.ts'

/* Numbers, durations and texts as PromQL 2.42 writes them, which is how Go writes them. */

/** A number without its sign: decimal, 0x, octal after a leading zero, Inf or NaN. */
export function numberOf(written: string, offset: number): number {
  const text = written.toLowerCase()
  if (text === 'inf') return Number.POSITIVE_INFINITY
  if (text === 'nan') return Number.NaN
  if (/^0x[0-9a-f]+$/.test(text)) return Number.parseInt(text.slice(2), 16)
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  if (/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) return Number(text)
  throw new Refusal(
    `"${written}" is not a number of this PromQL; a duration stands only in brackets and after offset.`,
    offset,
  )
}

const unitsMs = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** A duration such as `1h30m` in milliseconds; larger units first, none twice, never nothing. */
export function durationMs(written: string, offset: number): number {
  const found = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(written)
  if (!found || written === '') {
    throw new Refusal(
      `"${written}" is not a duration; write numbers with units, larger ones first, such as 1h30m.`,
      offset,
    )
  }
  const total = Object.values(unitsMs).reduce((sum, unit, index) => sum + unit * Number(found[index + 1] ?? 0), 0)
  if (total === 0) throw new Refusal('A duration must be greater than 0.', offset)
  return total
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** What a quoted text stands for; nothing is escaped between back quotes. */
export function textOf(literal: string, offset: number): string {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside
  return inside.replace(
    /\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))/gs,
    (whole, octal?: string, hex?: string, short?: string, long?: string, simple?: string) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      const code = hex ?? short ?? long
      if (code !== undefined && Number.parseInt(code, 16) <= 0x10ffff)
        return String.fromCodePoint(Number.parseInt(code, 16))
      const plain = simple === undefined ? undefined : simpleEscapes[simple]
      if (plain === undefined) throw new Refusal(`The text holds "${whole}", which escapes nothing.`, offset)
      return plain
    },
  )
}
