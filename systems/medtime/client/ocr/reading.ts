import type { Doubt } from './doubt.ts'
import type { Quantity } from './quantity.ts'
import type { Span } from './span.ts'

/** Something read, and the text it was read from. Without a doubt it is still a reading: a person confirms all of them. */
export interface Field<Value> {
  value: Value
  /** The piece of the text, as it stands there. */
  text: string
  span: Span
  /** Why it needs a closer look; empty when no rule found a reason. */
  doubts: Doubt[]
}

export interface Measure<Unit extends string> {
  quantity: Quantity
  unit: Unit
}

export type StrengthUnit = 'g' | 'mg' | 'mcg' | 'ml' | 'l' | 'iu' | 'unit' | '%' | 'meq' | 'mmol' | 'kg' | 'dl'

/** `500 mg`, `875/125 mg`, `250 mg/5 ml`: the amount of each ingredient in turn, and in how much. */
export interface Strength {
  amounts: Measure<StrengthUnit>[]
  per: Measure<StrengthUnit | 'dose' | 'hour'> | null
}

export type Form =
  | 'tablet'
  | 'capsule'
  | 'syrup'
  | 'suspension'
  | 'solution'
  | 'drops'
  | 'cream'
  | 'ointment'
  | 'gel'
  | 'lotion'
  | 'injection'
  | 'suppository'
  | 'ovule'
  | 'patch'
  | 'inhaler'
  | 'spray'
  | 'powder'
  | 'lozenge'

export type DoseUnit =
  | 'tablet'
  | 'capsule'
  | 'ml'
  | 'drop'
  | 'puff'
  | 'teaspoon'
  | 'tablespoon'
  | 'application'
  | 'unit'
  | 'iu'
  | 'g'
  | 'mg'
  | 'mcg'
  | 'meq'
  | 'sachet'
  | 'patch'
  | 'suppository'
  | 'ovule'
  | 'ampoule'
  | 'lozenge'
  | 'measure'

/** How much at a time. `to` is the upper end of `1 to 2 tablets`. */
export interface Dose {
  quantity: Quantity
  to: Quantity | null
  unit: DoseUnit | null
}

export type Route =
  | 'oral'
  | 'sublingual'
  | 'intravenous'
  | 'intramuscular'
  | 'subcutaneous'
  | 'topical'
  | 'ophthalmic'
  | 'otic'
  | 'nasal'
  | 'inhaled'
  | 'rectal'
  | 'vaginal'
  | 'transdermal'

export type Period = 'minute' | 'hour' | 'day' | 'week' | 'month'
export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday'

export type Frequency =
  | { kind: 'interval'; every: Quantity; to: Quantity | null; period: Period }
  | { kind: 'times'; times: Quantity; to: Quantity | null; period: Period }
  /** `1-0-1`: how many in the morning, at noon, in the evening and, when there are four, at night. */
  | { kind: 'day-parts'; parts: Quantity[] }
  | { kind: 'weekdays'; days: Weekday[] }
  | { kind: 'once' }

export type Moment =
  | 'morning'
  | 'noon'
  | 'afternoon'
  | 'night'
  | 'bedtime'
  | 'fasting'
  | 'before-meals'
  | 'with-meals'
  | 'after-meals'
  | 'breakfast'
  | 'lunch'
  | 'dinner'

/** When in the day. Minutes count from midnight. */
export type Timing = { moments: Moment[] } | { minutes: number[] }

export type Duration = { length: Quantity; period: Period } | 'continuous'

/** Taken only when needed; the reason as the text has it. */
export interface AsNeeded {
  reason: string | null
}

/** One medicine of a prescription. What was not read is null: nothing is assumed. */
export interface MedicineReading {
  drug: Field<string>
  strength: Field<Strength> | null
  form: Field<Form> | null
  dose: Field<Dose> | null
  route: Field<Route> | null
  frequency: Field<Frequency> | null
  timing: Field<Timing> | null
  duration: Field<Duration> | null
  asNeeded: Field<AsNeeded> | null
}

export interface PrescriptionReading {
  medicines: MedicineReading[]
  /** Lines, or what is left of them, that no field was read from: a person must see them too. */
  unread: Span[]
}
