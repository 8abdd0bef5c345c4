import { type Doubt, distinct } from './doubt.ts'
import { numberPattern, readNumber } from './number.ts'
import { type Matcher, matcher, wordEnd } from './piece.ts'
import { compare, type Quantity, quantity } from './quantity.ts'
import type { Frequency, Period, Weekday } from './reading.ts'

/** Periods in folded text. */
const periods: readonly { period: Period; spelling: string }[] = [
  { period: 'minute', spelling: 'min(?:uto|ute)?s?' },
  { period: 'hour', spelling: 'h(?:oras?|ours?|rs?|s)?' },
  { period: 'day', spelling: 'd(?:ias?|ays?)?' },
  { period: 'week', spelling: '(?:sem(?:ana)?s?|w(?:ee)?ks?)' },
  { period: 'month', spelling: 'm(?:es(?:es)?|onths?)' },
]
export const anyPeriod = periods.map(({ spelling }) => spelling).join('|')

export function periodOf(spelling: string): Period | undefined {
  return periods.find((candidate) => new RegExp(`^(?:${candidate.spelling})$`).test(spelling))?.period
}

const number = numberPattern('horas?|hours?|hrs?|hs?|dias?|days?')
const range = `(${number})(?:\\s?(?:-|a|to|o|or)\\s?(${number}))?`
const perDay = '(?:al|por|a|per|each|every|cada|x|\\/)'

/** Hours that medicines are really taken at. */
const usualHours: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 8, 12, 24, 36, 48, 72])

function interval(from: string | undefined, to: string | undefined, spelling: string | undefined) {
  const [first, last] = [readNumber(from ?? ''), to === undefined ? undefined : readNumber(to)]
  const period = periodOf(spelling ?? '')
  if (first === undefined || period === undefined || (to !== undefined && last === undefined)) return undefined
  const doubts: Doubt[] = [...first.doubts, ...(last?.doubts ?? [])]
  const every = first.quantity
  if (!isUsual(every, period) || (last !== undefined && compare(last.quantity, every) <= 0)) {
    doubts.push('unlikely-amount')
  }
  return frequency({ kind: 'interval', every, to: last?.quantity ?? null, period }, doubts)
}

function isUsual({ numerator, denominator }: Quantity, period: Period): boolean {
  if (denominator !== 1 || numerator === 0) return false
  if (period === 'hour') return usualHours.has(numerator)
  return numerator <= { minute: 60, day: 90, week: 26, month: 12 }[period]
}

function times(count: string | undefined, to: string | undefined, spelling: string | undefined) {
  const [first, last] = [readNumber(count ?? ''), to === undefined ? undefined : readNumber(to)]
  const period = periodOf(spelling ?? '')
  if (first === undefined || period === undefined || (to !== undefined && last === undefined)) return undefined
  const doubts: Doubt[] = [...first.doubts, ...(last?.doubts ?? [])]
  const most = last?.quantity ?? first.quantity
  if (first.quantity.denominator !== 1 || first.quantity.numerator === 0 || compare(most, quantity(8)) > 0) {
    doubts.push('unlikely-amount')
  }
  return frequency({ kind: 'times', times: first.quantity, to: last?.quantity ?? null, period }, doubts)
}

function frequency(value: Frequency, doubts: readonly Doubt[] = []) {
  return { kind: 'frequency' as const, value, doubts: distinct(doubts) }
}

const everyOne = (every: number, period: Period) =>
  frequency({ kind: 'interval', every: quantity(every), to: null, period })
const timesADay = (count: number, doubts: readonly Doubt[] = []) =>
  frequency({ kind: 'times', times: quantity(count), to: null, period: 'day' }, doubts)

/** Abbreviations of Latin. Those that the ISMP lists as read for another are doubtful. */
const latin: Readonly<Record<string, () => ReturnType<typeof timesADay>>> = {
  bid: () => timesADay(2),
  tid: () => timesADay(3),
  qid: () => timesADay(4),
  qd: () => timesADay(1, ['unsafe-abbreviation']),
  od: () => timesADay(1, ['unsafe-abbreviation']),
  qod: () => frequency({ kind: 'interval', every: quantity(2), to: null, period: 'day' }, ['unsafe-abbreviation']),
}
const latinSpelling = Object.keys(latin)
  .map((letters) => [...letters].join('\\.?'))
  .join('|')

const weekdays: readonly { day: Weekday; spelling: string }[] = [
  { day: 'monday', spelling: 'lunes|mondays?' },
  { day: 'tuesday', spelling: 'martes|tuesdays?' },
  { day: 'wednesday', spelling: 'miercoles|wednesdays?' },
  { day: 'thursday', spelling: 'jueves|thursdays?' },
  { day: 'friday', spelling: 'viernes|fridays?' },
  { day: 'saturday', spelling: 'sabados?|saturdays?' },
  { day: 'sunday', spelling: 'domingos?|sundays?' },
]
const anyDay = weekdays.map(({ spelling }) => spelling).join('|')

const share = '(?:[0-4][.,]5|1\\/2|½|[0-4ol])'
const shares = `${share}(?:\\s?-\\s?${share}){2,3}`

function dayParts(text: string | undefined) {
  const readings = (text ?? '').split('-').map((part) => readNumber(part.trim()))
  const parts = readings.flatMap((reading) => (reading === undefined ? [] : [reading.quantity]))
  if (parts.length !== readings.length || parts.every(({ numerator }) => numerator === 0)) return undefined
  return frequency(
    { kind: 'day-parts', parts },
    readings.flatMap((reading) => reading?.doubts ?? []),
  )
}

export const frequencyMatchers: readonly Matcher[] = [
  matcher(
    `(?:cada|c\\s?\\/|c\\.|c(?=\\d)|every|each|q\\.?)\\s{0,3}${range}\\s{0,3}(${anyPeriod})${wordEnd}\\.?`,
    ([, from, to, period]) => interval(from, to, period),
  ),
  matcher(`(?:cada|every|each) (hora|hour|dia|day|semana|week|mes|month)${wordEnd}`, ([, period]) => {
    const found = periodOf(period ?? '')
    return found === undefined ? undefined : everyOne(1, found)
  }),
  matcher(`(?:cada tercer dia|un dia si y otro no|dia por medio|every other day|on alternate days)${wordEnd}`, () =>
    everyOne(2, 'day'),
  ),
  matcher(
    `${range}\\s?(?:vez|veces|times?|tomas?|x) ?${perDay}\\s?(?:el |la )?(dia|day|semana|week|mes|month)${wordEnd}`,
    ([, count, to, period]) => times(count, to, period),
  ),
  matcher(`${range} (?:vez|veces|tomas?) (diari|semanal|mensual)(?:as?|es|mente|)${wordEnd}`, ([, count, to, period]) =>
    times(count, to, { diari: 'dia', semanal: 'semana', mensual: 'mes' }[period ?? '']),
  ),
  matcher(
    `(once|twice|thrice|${number} times)(?: a| per|) (day|week|month|daily|weekly|monthly)${wordEnd}`,
    ([, count = '', period]) => {
      const known = { once: 'one', twice: 'two', thrice: 'three' }[count] ?? count.replace(/\s+times$/, '')
      return times(known, undefined, { daily: 'day', weekly: 'week', monthly: 'month' }[period ?? ''] ?? period)
    },
  ),
  matcher(`(?:diari(?:o|a|amente)|daily|a diario|todos los dias)${wordEnd}`, () => timesADay(1)),
  matcher(`(?:semanal(?:mente)?|weekly)${wordEnd}`, () =>
    frequency({ kind: 'times', times: quantity(1), to: null, period: 'week' }),
  ),
  matcher(`(${latinSpelling})${wordEnd}\\.?`, ([, letters = '']) => latin[letters.replaceAll('.', '')]?.()),
  matcher(`(?<![-\\d\\/])(${shares})(?![-\\d\\/]|\\s?-\\s?\\d|[a-z])`, ([, parts]) => dayParts(parts)),
  matcher(
    `(?:los |every |on |cada |each |)((?:${anyDay})(?:(?:\\s?,\\s?| y | and | e )(?:${anyDay}))*)${wordEnd}`,
    ([, text = '']) => {
      const days = weekdays.filter(({ spelling }) => new RegExp(`(?<![a-z])(?:${spelling})(?![a-z])`).test(text))
      return frequency({ kind: 'weekdays', days: days.map(({ day }) => day) })
    },
  ),
  matcher(
    `(?:dosis unica|unica dosis|una sola dosis|una sola vez|toma unica|(?:in a |as a )?single dose|one dose only|one time only|stat)${wordEnd}`,
    () => frequency({ kind: 'once' }),
  ),
]
