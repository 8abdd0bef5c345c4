import { type Matcher, matcher, spaced, wordEnd } from './piece.ts'
import type { Moment } from './reading.ts'

/** How moments of a day are told; a longer spelling stands before a shorter one that it contains. */
const spellings: readonly { moment: Moment; spelling: string }[] = [
  { moment: 'fasting', spelling: '(?:en )?ayunas|(?:on an )?empty stomach' },
  {
    moment: 'before-meals',
    spelling: 'antes de (?:cada comida|(?:las |los )?(?:comidas|alimentos)|comer)|before (?:each |every )?meals?|ac',
  },
  {
    moment: 'after-meals',
    spelling: 'despues de (?:cada comida|(?:las |los )?(?:comidas|alimentos)|comer)|after (?:each |every )?meals?|pc',
  },
  {
    moment: 'with-meals',
    spelling: 'con (?:cada comida|(?:las |los )?(?:comidas|alimentos))|with (?:each |every )?(?:meals?|food)',
  },
  {
    moment: 'bedtime',
    spelling:
      'al acostarse|(?:antes de|al) dormir|al ir a la cama|(?:at )?bed ?time|before (?:bed|sleep)|(?:q\\.?)?h\\.?s\\.?',
  },
  {
    moment: 'breakfast',
    spelling: '(?:(?:con|en|antes del|despues del|with|at|before|after) )?(?:el )?(?:desayuno|breakfast)',
  },
  {
    moment: 'lunch',
    spelling: '(?:(?:con|en|antes del?|despues del?|with|at|before|after) )?(?:el |la )?(?:almuerzo|comida|lunch)',
  },
  {
    moment: 'dinner',
    spelling: '(?:(?:con|en|antes de|despues de|with|at|before|after) )?(?:la )?(?:cena|dinner|supper)',
  },
  {
    moment: 'morning',
    spelling: '(?:(?:por|en|cada|in|every|each) )?(?:las? |the )?(?:mananas?|mornings?)|q\\.?a\\.?m\\.?',
  },
  { moment: 'noon', spelling: '(?:al |a )?medio ?dia|(?:at )?noon' },
  { moment: 'afternoon', spelling: '(?:(?:por|en|cada|in|every|each) )?(?:las? |the )?(?:tardes?|afternoons?)' },
  {
    moment: 'night',
    spelling: '(?:(?:por|en|cada|in|every|each|at) )?(?:las? |the )?(?:noches?|nights?|evenings?)|nightly',
  },
]
const any = spellings.map(({ spelling }) => spelling).join('|')
const single = spellings.map(({ moment, spelling }) => ({
  moment,
  pattern: new RegExp(spaced(`^(?:${spelling})$`)),
}))

const clockTime = '\\d{1,2}(?::\\d{2})?\\s?(?:a\\.?m\\.?|p\\.?m\\.?|h(?:rs|oras)?)?'
const clockList = `${clockTime}(?:(?:\\s?,\\s?| y | and )${clockTime})*`

export const timingMatchers: readonly Matcher[] = [
  matcher(`((?:${any})(?:(?:\\s?,\\s?| y | and )(?:${any}))*)${wordEnd}`, ([, text = '']) => {
    const moments = text
      .split(/\s*,\s*|\s+(?:y|and)\s+/)
      .flatMap((part) => single.find(({ pattern }) => pattern.test(part))?.moment ?? [])
    return moments.length === 0 ? undefined : { kind: 'timing', value: { moments: [...new Set(moments)] }, doubts: [] }
  }),
  matcher(`(?:a las?|at) (${clockList})${wordEnd}`, ([, text = '']) => {
    const minutes = text.split(/\s*,\s*|\s+(?:y|and)\s+/).map(minuteOf)
    const known = minutes.filter((minute) => minute !== undefined)
    return known.length !== minutes.length || known.length === 0
      ? undefined
      : { kind: 'timing', value: { minutes: known }, doubts: [] }
  }),
]

/** Minutes from midnight; undefined when there is no such time. */
function minuteOf(text: string): number | undefined {
  const match = /^(\d{1,2})(?::(\d{2}))?\s?(a|p)?/.exec(text)
  if (match === null) return undefined
  const [, hours = '', minutes = '0', half] = match
  const [hour, minute] = [Number(hours), Number(minutes)]
  if (minute > 59 || hour > 24 || (half !== undefined && (hour < 1 || hour > 12))) return undefined
  const ofDay = half === undefined ? hour % 24 : (hour % 12) + (half === 'p' ? 12 : 0)
  return ofDay * 60 + minute
}
