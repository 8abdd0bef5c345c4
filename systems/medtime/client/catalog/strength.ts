/** A number with its unit, as somebody typed it. */
export interface StrengthWanted {
  value: number
  /** Undefined when none was typed: any unit will do. */
  unit: string | undefined
}

/** Milligrams of a unit of mass; other units are compared with themselves alone. */
const milligrams: Readonly<Record<string, number>> = { kg: 1e6, g: 1000, mg: 1, mcg: 0.001 }
const units: Readonly<Record<string, string>> = {
  kg: 'kg',
  g: 'g',
  gm: 'g',
  mg: 'mg',
  mgs: 'mg',
  mcg: 'mcg',
  ug: 'mcg',
  µg: 'mcg',
  μg: 'mcg',
  ng: 'ng',
  ml: 'ml',
  l: 'l',
  iu: 'iu',
  ui: 'iu',
  unt: 'iu',
  unit: 'iu',
  units: 'iu',
  u: 'iu',
  meq: 'meq',
  mmol: 'mmol',
  mci: 'mci',
  '%': '%',
  hr: 'h',
  h: 'h',
  actuat: 'dose',
  spray: 'dose',
  inh: 'dose',
  dose: 'dose',
}

/** How a unit is written here; undefined when it is none. */
export function unitOf(text: string): string | undefined {
  return units[text.toLowerCase()]
}

const part =
  /^(?:eq\s+)?(\d[\d,]*(?:\.\d+)?|\.\d+)\s*([a-zµμ%]+)(?:\s+base)?(?:\s*\/\s*(\d[\d,]*(?:\.\d+)?|\.\d+)?\s*([a-z]+))?$/i

/**
 * A strength as the catalog writes it: `50 mg`, `250 mg/5 ml`, `1%`, `12.5 mg + 50 mg` for a combination.
 * @param text such as `EQ 500MG BASE/5ML` or `12.5MG;50MG`
 * @returns undefined when it is not understood: no strength is better than a wrong one
 */
export function writeStrength(text: string): string | undefined {
  const parts = text
    .replace(/\*\*.*$/s, '')
    .split(/[;+]/)
    .map((each) => writePart(each.trim()))
  const written = parts.filter((each) => each !== undefined)
  return written.length === parts.length && written.length > 0 ? written.join(' + ') : undefined
}

function writePart(text: string): string | undefined {
  const match = part.exec(text)
  const [, value = '', unitText = '', perValue, perText] = match ?? []
  const unit = unitOf(unitText)
  if (unit === undefined) return undefined
  const amount = unit === '%' ? `${plain(value)}%` : `${plain(value)} ${unit}`
  if (perText === undefined) return amount
  const per = unitOf(perText)
  if (per === undefined) return undefined
  return `${amount}/${perValue === undefined ? '' : `${plain(perValue)} `}${per}`
}

/** A comma in these sources separates thousands. */
function plain(number: string): string {
  return String(Number(number.replaceAll(',', '')))
}

/** Whether a strength of the catalog holds every number that was typed, in the unit that was typed. */
export function hasStrength(strength: string, wanted: readonly StrengthWanted[]): boolean {
  const parts = strength.split(' + ').flatMap((each) => {
    const match = /^([\d.]+)\s*([a-z%]+)/.exec(each)
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ value: Number(match[1]), unit: match[2] }]
  })
  return wanted.every((each) => parts.some((one) => sameAmount(one, each)))
}

function sameAmount(one: { value: number; unit: string }, wanted: StrengthWanted): boolean {
  const scale = milligrams[one.unit]
  if (wanted.unit === undefined)
    return near(one.value, wanted.value) || (scale !== undefined && near(one.value * scale, wanted.value))
  const wantedScale = milligrams[wanted.unit]
  if (scale !== undefined && wantedScale !== undefined) return near(one.value * scale, wanted.value * wantedScale)
  return one.unit === wanted.unit && near(one.value, wanted.value)
}

/** Equal but for the last bits that scaling costs. */
function near(one: number, other: number): boolean {
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other))
}
