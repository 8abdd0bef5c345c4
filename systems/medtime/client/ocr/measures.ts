import { type Doubt, distinct } from './doubt.ts'
import { numberPattern, readNumber } from './number.ts'
import { compare, type Quantity, quantity } from './quantity.ts'
import type { Measure, Strength, StrengthUnit } from './reading.ts'

/** Spellings in folded text. Those of `misread` are what engines make of a unit. */
const spellings: Readonly<Record<StrengthUnit, string>> = {
  mg: 'mgs?|miligramos?|milligrams?',
  mcg: 'mcgs?|ug|microgramos?|micrograms?',
  g: 'grs?|g|gramos?|grams?',
  ml: 'mls?|cc|mililitros?|milliliters?|millilitres?',
  l: 'l|lts?|litros?|liters?',
  iu: String.raw`u\.?i\.?|i\.?u\.?|unidades\sinternacionales|international\sunits`,
  unit: 'u|unidades|units?',
  '%': '%|por\\sciento',
  meq: 'meq',
  mmol: 'mmol',
  kg: 'kgs?|kilos?',
  dl: 'dl',
}

const misread: Readonly<Record<string, StrengthUnit>> = {
  mq: 'mg',
  rng: 'mg',
  rnq: 'mg',
  m9: 'mg',
  mcq: 'mcg',
  rnl: 'ml',
  m1: 'ml',
}

/** What no medicine is made up in, and what is a misreading. */
const unlikely: ReadonlySet<StrengthUnit> = new Set<StrengthUnit>(['kg', 'dl', 'l'])

const units: readonly StrengthUnit[] = ['mg', 'mcg', 'meq', 'mmol', 'ml', 'iu', 'unit', 'kg', 'dl', 'g', 'l', '%']
const anyUnit = `${units.map((unit) => spellings[unit]).join('|')}|${Object.keys(misread).join('|')}`
const wordEnd = '(?![a-z\\d])'
const number = numberPattern('mg|mcg|ml|ui|iu')

/** A number with its unit, or several before one: `500 mg`, `875/125 mg`, `20/12,5 mg`. Groups: numbers, unit. */
const part = String.raw`((?:\d{2,4}(?:[.,]\d{1,3})?\s?[\/+]\s?){1,2}\d{1,4}(?:[.,]\d{1,3})?|${number})\s?(${anyUnit})${wordEnd}`
const whole = new RegExp(part, 'y')
const perPart = new RegExp(
  String.raw`\s?(?:\/|por|per|en|in|cada)\s?(?:(${number})?\s?(ml|cc|mililitros?|g|gr|gramos?|l|litros?|dl|dosis|dose|disparo|puff|actuation|h|hora|hour|kg)${wordEnd})`,
  'y',
)
const another = /\s?[/+]\s?/y

export interface StrengthMatch {
  end: number
  value: Strength
  doubts: Doubt[]
}

/** A strength, or any measured amount, that begins at a place of a folded text. */
export function matchStrength(folded: string, start: number): StrengthMatch | undefined {
  const amounts: Measure<StrengthUnit>[] = []
  const doubts: Doubt[] = []
  let end = start
  let per: ReturnType<typeof matchPer>
  for (let next = start; amounts.length < 3; ) {
    const found = matchPart(folded, next)
    if (found === undefined) break
    amounts.push(...found.amounts)
    doubts.push(...found.doubts)
    end = found.end
    per = matchPer(folded, end)
    another.lastIndex = end
    if (per !== undefined || !another.test(folded)) break
    next = another.lastIndex
  }
  if (amounts.length === 0) return undefined
  if (per !== undefined) {
    end = per.end
    doubts.push(...per.doubts)
  }
  const value: Strength = { amounts, per: per?.value ?? null }
  if (isTooMuch(value)) doubts.push('unlikely-amount')
  return { end, value, doubts: distinct(doubts) }
}

function matchPart(folded: string, start: number) {
  whole.lastIndex = start
  const match = whole.exec(folded)
  if (match === null) return undefined
  const [, numbers = '', spelling = ''] = match
  const unit = unitOf(spelling)
  if (unit === undefined) return undefined
  const doubts: Doubt[] = [...unit.doubts]
  const amounts: Measure<StrengthUnit>[] = []
  const several = /^[\d.,\s]+[/+]/.test(numbers) && !/^\d\/\d/.test(numbers)
  for (const text of several ? numbers.split(/\s?[/+]\s?/) : [numbers]) {
    const reading = readNumber(text)
    if (reading === undefined) return undefined
    doubts.push(...reading.doubts)
    amounts.push({ quantity: reading.quantity, unit: unit.unit })
  }
  return { end: whole.lastIndex, amounts, doubts }
}

function matchPer(folded: string, start: number) {
  perPart.lastIndex = start
  const match = perPart.exec(folded)
  if (match === null) return undefined
  const [, amount, spelling = ''] = match
  const reading = amount === undefined ? { quantity: quantity(1), doubts: [] } : readNumber(amount)
  if (reading === undefined) return undefined
  const named = perUnits[spelling] ?? unitOf(spelling)?.unit
  if (named === undefined) return undefined
  const doubts: Doubt[] = [...reading.doubts]
  if (named === 'kg' || named === 'dl') doubts.push('unlikely-unit')
  return { end: perPart.lastIndex, value: { quantity: reading.quantity, unit: named }, doubts }
}

const perUnits: Readonly<Record<string, 'dose' | 'hour'>> = {
  dosis: 'dose',
  dose: 'dose',
  disparo: 'dose',
  puff: 'dose',
  actuation: 'dose',
  h: 'hour',
  hora: 'hour',
  hour: 'hour',
}

const patterns = units.map((unit) => ({ unit, pattern: new RegExp(`^(?:${spellings[unit]})$`) }))

function unitOf(spelling: string): { unit: StrengthUnit; doubts: Doubt[] } | undefined {
  const damaged = misread[spelling]
  if (damaged !== undefined) return { unit: damaged, doubts: ['unlikely-unit'] }
  const found = patterns.find(({ pattern }) => pattern.test(spelling))
  if (found === undefined) return undefined
  const doubts: Doubt[] = unlikely.has(found.unit) ? ['unlikely-unit'] : []
  // A `U` has been read as a zero, with ten times the dose given.
  if (spelling === 'u') doubts.push('unsafe-abbreviation')
  return { unit: found.unit, doubts }
}

/** In one unit of its kind, so that a gram is a thousand milligrams. */
function inBase({ quantity: amount, unit }: Measure<string>): Measure<string> {
  const factor = { g: 1_000_000, mg: 1_000, mcg: 1, l: 1_000 }[unit]
  if (factor === undefined) return { quantity: amount, unit }
  return {
    quantity: quantity(amount.numerator * factor, amount.denominator),
    unit: unit === 'l' ? 'ml' : 'mcg',
  }
}

/** Whether two strengths are the same, whatever the units they are told in. */
export function sameStrength(left: Strength, right: Strength): boolean {
  if (left.amounts.length !== right.amounts.length || (left.per === null) !== (right.per === null)) return false
  const each = (strength: Strength) =>
    strength.amounts.map((amount) => {
      const base = inBase(amount)
      if (strength.per === null) return base
      const per = inBase(strength.per)
      return {
        quantity: quantity(
          base.quantity.numerator * per.quantity.denominator,
          base.quantity.denominator * Math.max(per.quantity.numerator, 1),
        ),
        unit: `${base.unit}/${per.unit}`,
      }
    })
  const others = each(right)
  return each(left).every((amount, index) => {
    const other = others[index]
    return other !== undefined && other.unit === amount.unit && compare(other.quantity, amount.quantity) === 0
  })
}

const fiveGrams = quantity(5_000_000)

function isTooMuch({ amounts, per }: Strength): boolean {
  return amounts.some((amount) => {
    const base = inBase(amount)
    if (isZero(base.quantity)) return true
    if (base.unit === '%') return compare(base.quantity, quantity(100)) > 0
    return per === null && base.unit === 'mcg' && compare(base.quantity, fiveGrams) > 0
  })
}

function isZero({ numerator }: Quantity): boolean {
  return numerator === 0
}
