import type { Random } from '../../random.ts'
import type { Path } from '../exercise.ts'

/** A value that went in by one path, standing for something that must never come out. */
export interface Planted {
  path: string
  /** Name in `telemetry.forbidden` of the plan. */
  of: string
  /** What it is found by: the sign that all of a run share, then letters of its own. */
  mark: string
  /** What was sent: the mark within something of the kind people type. */
  text: string
}

export interface Sowing {
  /** What every mark of the run begins with. */
  sign: string
  planted: readonly Planted[]
}

/** Lower-case consonants that no word, number, key or time in a log spells by chance, and that survive being read from an image. */
const letters = 'bcdfghjkmnpqrtvwxz'
const signLength = 9
const ownLength = 7

/** Some are refused for their form, some get past it: an error is a way out as well as a success. */
const shapes: readonly ((mark: string) => string)[] = [
  (mark) => mark,
  (mark) => `Losartan ${mark} 50 mg`,
  (mark) => `${mark}@example.test`,
  (mark) => `Ana "${mark}" Ñandú; cada 8 horas`,
  (mark) => `'; -- ${mark}`,
  (mark) => `${mark}\n{"level":"info"}`,
]

/**
 * What is planted: by every path a value for each forbidden kind, or, where a path is costly or only a quick look is wanted, for one of them in turn.
 */
export function sow(paths: readonly Path[], forbidden: readonly string[], random: Random, everyKind: boolean): Sowing {
  const word = (length: number) => Array.from({ length }, () => random.pick([...letters])).join('')
  const sign = word(signLength)
  const marks = new Set<string>()
  const newMark = (): string => {
    const mark = sign + word(ownLength)
    if (marks.has(mark)) return newMark()
    marks.add(mark)
    return mark
  }
  const planted = paths.flatMap((path, at) => {
    const one = forbidden[at % forbidden.length]
    const kinds = everyKind && path.costly !== true ? forbidden : one === undefined ? [] : [one]
    return kinds.map((of, nth) => {
      const mark = newMark()
      const shape = shapes[(at + nth) % shapes.length] ?? ((text: string) => text)
      return { path: path.id, of, mark, text: shape(mark) }
    })
  })
  return { sign, planted }
}
