import { type Doubt, distinct } from './doubt.ts'
import { fold } from './fold.ts'
import type { Piece } from './piece.ts'
import type { Dose, DoseUnit, Field, MedicineReading, Strength } from './reading.ts'
import type { Span } from './span.ts'

/** A medicine while its lines are read. */
export interface Draft extends MedicineReading {
  /** A verb was met: the next amount is a dose. */
  told: boolean
}

export function emptyDraft(drug: Field<string>): Draft {
  return {
    drug,
    strength: null,
    form: null,
    dose: null,
    route: null,
    frequency: null,
    timing: null,
    duration: null,
    asNeeded: null,
    told: false,
  }
}

export type FieldOf = <Value>(span: Span, value: Value, doubts: readonly Doubt[]) => Field<Value>

export function take(draft: Draft, piece: Piece, text: string, fieldOf: FieldOf): void {
  const { doubts } = piece
  switch (piece.kind) {
    case 'verb':
      draft.told = true
      break
    case 'strength': {
      const asDose = draft.told || draft.strength !== null ? doseOf(piece.value) : undefined
      if (asDose !== undefined) draft.dose = merged(draft.dose, fieldOf(piece, asDose, doubts))
      else draft.strength = merged(draft.strength, fieldOf(piece, piece.value, doubts))
      break
    }
    case 'dose':
      draft.dose = merged(draft.dose, fieldOf(piece, piece.value, doubts))
      break
    case 'number':
      if (draft.told && draft.dose === null) {
        draft.dose = fieldOf(piece, piece.value, [...doubts, 'no-unit'])
      }
      break
    case 'form':
      draft.form = merged(draft.form, fieldOf(piece, piece.value, doubts))
      break
    case 'route':
      draft.route = merged(draft.route, fieldOf(piece, piece.value, doubts))
      break
    case 'frequency':
      draft.frequency = merged(draft.frequency, fieldOf(piece, piece.value, doubts))
      break
    case 'timing':
      draft.timing = merged(draft.timing, fieldOf(piece, piece.value, doubts))
      break
    case 'duration':
      draft.duration = merged(draft.duration, fieldOf(piece, piece.value, doubts))
      break
    case 'asNeeded': {
      const { reason } = piece.value
      const at = reason === null ? -1 : fold(text).indexOf(reason, piece.start)
      const told = reason === null || at < 0 ? null : text.slice(at, at + reason.length)
      draft.asNeeded = merged(draft.asNeeded, fieldOf(piece, { reason: told }, doubts))
      break
    }
    case 'supply':
    case 'plain':
      break
  }
}

/** The first reading stays; when a second one differs, both cannot be meant, and a person decides. */
function merged<Value>(first: Field<Value> | null, second: Field<Value>): Field<Value> {
  if (first === null) return second
  if (JSON.stringify(first.value) === JSON.stringify(second.value)) return first
  return { ...first, doubts: distinct([...first.doubts, 'several-readings']) }
}

const massUnits: Partial<Record<string, DoseUnit>> = {
  g: 'g',
  mg: 'mg',
  mcg: 'mcg',
  ml: 'ml',
  iu: 'iu',
  unit: 'unit',
  meq: 'meq',
}

/** An amount of one substance, as a dose; undefined when it cannot be one. */
function doseOf({ amounts, per }: Strength): Dose | undefined {
  const [first, second] = amounts
  const unit = massUnits[first?.unit ?? '']
  if (first === undefined || second !== undefined || per !== null || unit === undefined) return undefined
  return { quantity: first.quantity, to: null, unit }
}
