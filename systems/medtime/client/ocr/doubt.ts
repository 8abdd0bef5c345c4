/*
 * Why a reading has to be looked at by a person. Each is found by a rule: how sure the engine was can add a doubt and never
 * takes one away.
 */
export type Doubt =
  /** A letter stands where a digit must: `5OO`, `S mg`, `cada B horas`. */
  | 'letter-for-digit'
  /** `1,000` and `1.000` are a thousand in one country and one in another. */
  | 'ambiguous-number'
  /** `1.0 mg`: a point that is not seen makes it ten times as much. */
  | 'trailing-zero'
  /** `.5 mg`: likewise. */
  | 'naked-point'
  /** An abbreviation that is known for being read as another: `U`, `QD`, `QOD`. */
  | 'unsafe-abbreviation'
  /** This unit does not go with this form, or with a medicine at all. */
  | 'unlikely-unit'
  /** More or less than anybody takes. */
  | 'unlikely-amount'
  /** A number without what it counts: `tomar 1`. */
  | 'no-unit'
  /** The text says it more than once, and not the same. */
  | 'several-readings'
  /** Its line begins with words nothing is known of: it may belong to another medicine. */
  | 'unclear-owner'
  /** The engine was unsure of a word of it. */
  | 'unsure-engine'
  /** Nothing was there to compare it with. */
  | 'no-catalog'
  /** The catalog has no medicine of this name. */
  | 'unknown-drug'
  /** The catalog does not know this strength of this medicine. */
  | 'unknown-strength'

/** Each once, in the order found. */
export function distinct(doubts: readonly Doubt[]): Doubt[] {
  return [...new Set(doubts)]
}
