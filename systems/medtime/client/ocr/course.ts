import { type Doubt, distinct } from './doubt.ts'
import { anyPeriod, periodOf } from './frequency.ts'
import { numberPattern, readNumber } from './number.ts'
import { type Matcher, matcher, wordEnd } from './piece.ts'
import { compare, quantity } from './quantity.ts'

const number = numberPattern('dias?|days?|semanas?|weeks?|mes(?:es)?|months?')
const year = quantity(365)
const days = { day: 1, week: 7, month: 30 } as const

function lasting(count: string | undefined, spelling: string | undefined) {
  const reading = readNumber(count ?? '')
  const period = periodOf(spelling ?? '')
  if (reading === undefined || period === undefined || period === 'minute' || period === 'hour') return undefined
  const doubts: Doubt[] = [...reading.doubts]
  const length = reading.quantity
  const inDays = quantity(length.numerator * days[period], length.denominator)
  if (length.numerator === 0 || compare(inDays, year) > 0) doubts.push('unlikely-amount')
  return { kind: 'duration' as const, value: { length, period }, doubts: distinct(doubts) }
}

/** How long a treatment goes on. */
export const durationMatchers: readonly Matcher[] = [
  matcher(
    `(?:por|durante|x|for|during)\\s{0,3}(?:the next |los proximos |un total de )?(${number})\\s{0,3}(${anyPeriod})${wordEnd}`,
    ([, count, period]) => lasting(count, period),
  ),
  // Without a word before it: not what was three days ago, and not an age.
  matcher(
    `(?<!(?:hace|cada|every|each|past|last|desde) )(${number}) (dias|days|semanas?|weeks?|mes(?:es)?|months?)(?! de edad| old| of age| ago)${wordEnd}`,
    ([, count, period]) => lasting(count, period),
  ),
  matcher(
    `(?:tratamiento |uso |de forma |de manera |)(?:continuo|continua|continuamente|indefinid[oa](?:mente)?|permanente(?:mente)?|ongoing|continuously|indefinitely|long ?term)${wordEnd}`,
    () => ({
      kind: 'duration',
      value: 'continuous',
      doubts: [],
    }),
  ),
]

const reason = String.raw`((?:[^\W\d_]|[\u00e0-\u024f]){3,20}(?: (?:[^\W\d_]|[\u00e0-\u024f]){2,20}){0,2}?)(?=\s*(?:[.,;:()\n]|$|\d| (?:por|durante|cada|for|every|max)\b))`

/** Taken only when there is a need for it. */
export const asNeededMatchers: readonly Matcher[] = [
  matcher(
    `(?:si (?:hay |tiene |presenta |persiste |)(?:el |la |mucho |mucha |)|en caso de (?:que haya |)|(?:as|if|when) needed for |p\\.?r\\.?n\\.?(?: for|:|) |only for )(?!es |fuera |necesari|precis|asi)${reason}`,
    ([, why]) => (why === undefined ? undefined : { kind: 'asNeeded', value: { reason: why }, doubts: [] }),
  ),
  matcher(
    `(?:si (?:es |fuera |fuese |)(?:necesario|preciso)|en caso necesario|por razon necesaria|a demanda|segun necesidad|(?:as|if|when) (?:needed|necessary|required)|p\\.?r\\.?n\\.?|s\\.?o\\.?s\\.?)${wordEnd}`,
    () => ({ kind: 'asNeeded', value: { reason: null }, doubts: [] }),
  ),
]
