import { type Doubt, distinct } from './doubt.ts'
import { decimal, type Quantity, quantity, sum } from './quantity.ts'

/*
 * Numbers as they stand on prescriptions, in folded text: digits, fractions, words, and digits that were read as letters.
 */

/** Letters that engines and hands confuse with a digit. */
const lookAlike: Readonly<Record<string, string>> = { o: '0', l: '1', i: '1', '|': '1', s: '5', b: '8', z: '2' }

const words: Readonly<Record<string, Quantity>> = {
  un: quantity(1),
  una: quantity(1),
  uno: quantity(1),
  one: quantity(1),
  media: quantity(1, 2),
  medio: quantity(1, 2),
  half: quantity(1, 2),
  'half a': quantity(1, 2),
  'one half': quantity(1, 2),
  'one-half': quantity(1, 2),
  'un cuarto': quantity(1, 4),
  'un cuarto de': quantity(1, 4),
  'a quarter': quantity(1, 4),
  'una y media': quantity(3, 2),
  'uno y medio': quantity(3, 2),
  'one and a half': quantity(3, 2),
  dos: quantity(2),
  two: quantity(2),
  tres: quantity(3),
  three: quantity(3),
  cuatro: quantity(4),
  four: quantity(4),
  cinco: quantity(5),
  five: quantity(5),
  seis: quantity(6),
  six: quantity(6),
  siete: quantity(7),
  seven: quantity(7),
  ocho: quantity(8),
  eight: quantity(8),
  nueve: quantity(9),
  nine: quantity(9),
  diez: quantity(10),
  ten: quantity(10),
  doce: quantity(12),
  twelve: quantity(12),
  catorce: quantity(14),
  fourteen: quantity(14),
  quince: quantity(15),
  fifteen: quantity(15),
  veinte: quantity(20),
  twenty: quantity(20),
  'twenty-four': quantity(24),
  veinticuatro: quantity(24),
  treinta: quantity(30),
  thirty: quantity(30),
}

const glyphs: Readonly<Record<string, Quantity>> = {
  '½': quantity(1, 2),
  '¼': quantity(1, 4),
  '¾': quantity(3, 4),
  '⅓': quantity(1, 3),
  '⅔': quantity(2, 3),
}

const alternatives = Object.keys(words).sort((left, right) => right.length - left.length)

/**
 * Source of a pattern that finds a number with nothing before it that would make it part of a longer one. A number read with
 * letters in it has a digit as well, or else `lettersBefore` must follow.
 */
export function numberPattern(lettersBefore?: string): string {
  const digits = String.raw`\d{1,3} \d\/\d{1,2}|\d{1,3} ?[½¼¾⅓⅔]|[½¼¾⅓⅔]|\d{1,2}\/\d{1,2}|\d{1,3}(?:[.,]\d{3})+(?!\d)|\d{1,6}[.,]\d{1,4}|[.,]\d{1,4}|\d{1,7}`
  const mixed = String.raw`(?=[olisbz|]{0,5}\d)[\dolisbz|]{2,6}(?:[.,][\dolisbz|]{1,3})?(?![a-z\d])`
  const letters = lettersBefore === undefined ? '' : String.raw`|[olisbz|]{1,4}(?=\s?(?:${lettersBefore})(?![a-z]))`
  const spoken = `(?:${alternatives.map((word) => word.replaceAll(' ', String.raw`\s`)).join('|')})(?![a-z])`
  return String.raw`(?<![\d.,])(?:${mixed}|${digits}${letters}|${spoken})`
}

export interface NumberReading {
  quantity: Quantity
  doubts: Doubt[]
}

/** What a number of `numberPattern` stands for; undefined when it stands for none, such as `1/0`. */
export function readNumber(folded: string): NumberReading | undefined {
  const spoken = words[folded.replace(/\s+/g, ' ')]
  if (spoken !== undefined) return { quantity: spoken, doubts: [] }
  const digits = folded.replace(/[olisbz|]/g, (letter) => lookAlike[letter] ?? letter)
  const reading = readDigits(digits)
  if (reading === undefined || digits === folded) return reading
  return { quantity: reading.quantity, doubts: distinct(['letter-for-digit', ...reading.doubts]) }
}

function readDigits(text: string): NumberReading | undefined {
  const mixed = /^(\d{1,3})? ?([½¼¾⅓⅔])$/.exec(text)
  if (mixed !== null) {
    const part = glyphs[mixed[2] ?? '']
    return part === undefined ? undefined : { quantity: sum(quantity(Number(mixed[1] ?? '0')), part), doubts: [] }
  }
  const fraction = /^(?:(\d{1,3}) )?(\d{1,2})\/(\d{1,2})$/.exec(text)
  if (fraction !== null) {
    const [, whole = '0', upper = '', lower = ''] = fraction
    if (Number(lower) === 0) return undefined
    return { quantity: sum(quantity(Number(whole)), quantity(Number(upper), Number(lower))), doubts: [] }
  }
  if (/^[1-9]\d{0,2}(?:[.,]\d{3})+$/.test(text)) {
    return { quantity: quantity(Number(text.replace(/[.,]/g, ''))), doubts: ['ambiguous-number'] }
  }
  if (!/^\d{0,7}(?:[.,]\d{1,4})?$/.test(text) || !/\d/.test(text)) return undefined
  const doubts: Doubt[] = []
  if (/^[.,]/.test(text)) doubts.push('naked-point')
  if (/[.,]\d*0$/.test(text)) doubts.push('trailing-zero')
  return { quantity: decimal(text.replace(',', '.')), doubts }
}
