import { z } from 'zod'

/*
 * Units are written the way documents write them ('4h', '5MB', '1%') and become plain numbers once, here. The name of the
 * normalised field says its unit: `rtoMs`, `bytes`, `ratio`.
 */

const durationUnits = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
} as const
const byteUnits = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const

/** '250ms', '30s', '5m', '4h', '7d', '2w', '1y' (365 days). */
type DurationText = `${number}${keyof typeof durationUnits}` | '0'
/** '512B', '5MB' (decimal), '1MiB' (binary). */
type BytesText = `${number}${keyof typeof byteUnits}`
/** '1%', '99.9%'. */
type RatioText = `${number}%`

const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)$/
const bytesPattern = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/
const ratioPattern = /^(\d+(?:\.\d+)?)%$/

/** Milliseconds of a duration such as '4h', or undefined when the text is not one. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  return scaled(durationPattern.exec(text), durationUnits)
}

/** Bytes of a size such as '5MB', or undefined when the text is not one. */
export function parseBytes(text: string): number | undefined {
  return scaled(bytesPattern.exec(text), byteUnits)
}

/** The ratio of a percentage: '1%' is 0.01; undefined when the text is not one. */
export function parseRatio(text: string): number | undefined {
  const match = ratioPattern.exec(text)
  return match ? Number(match[1]) / 100 : undefined
}

function scaled(match: RegExpExecArray | null, units: Readonly<Record<string, number>>): number | undefined {
  const unit = match?.[2] === undefined ? undefined : units[match[2]]
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined
}

/** The largest unit that keeps a duration readable: 14400000 is '4h', 90000 is '90s'. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const units = Object.entries(durationUnits)
    .filter(([unit]) => unit !== 'w' && unit !== 'y')
    .reverse()
  for (const [unit, size] of units) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  }
  for (const [unit, size] of units) {
    if (ms >= size) return `${(ms / size).toFixed(1).replace(/\.0$/, '')}${unit}`
  }
  return `${Number(ms.toPrecision(3))}ms`
}

/** Bytes in decimal units: 40000000000 is '40GB'. */
export function formatBytes(bytes: number): string {
  for (const unit of ['TB', 'GB', 'MB', 'KB'] as const) {
    if (bytes >= byteUnits[unit]) return `${Number((bytes / byteUnits[unit]).toPrecision(3))}${unit}`
  }
  return `${bytes}B`
}

export const duration = unit<DurationText>(parseDuration, "a duration such as '30s', '5m', '4h', '7d'").meta({
  unit: 'duration',
})
export const bytes = unit<BytesText>(parseBytes, "a size such as '512B', '5MB', '1MiB', '40GB'").meta({ unit: 'bytes' })
export const ratio = unit<RatioText>(parseRatio, "a percentage such as '1%' or '99.9%'").meta({ unit: 'ratio' })

/** Text of a form the compiler knows, which becomes a number. Without a value the message is what should stand there. */
function unit<Text extends string>(parse: (text: string) => number | undefined, expected: string) {
  return z
    .custom<Text>((value) => typeof value === 'string', {
      error: ({ input }) => (input === undefined ? expected : `${JSON.stringify(input)} is not ${expected}`),
    })
    .transform((text, context) => {
      const value = parse(text)
      if (value === undefined) {
        context.issues.push({ code: 'custom', input: text, message: `"${text}" is not ${expected}` })
        return z.NEVER
      }
      return value
    })
}
