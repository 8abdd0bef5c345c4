import type { CatalogLookup } from './catalog-lookup.ts'
import { type Doubt, distinct } from './doubt.ts'
import type { Draft } from './draft.ts'
import { sameStrength } from './measures.ts'
import type { DoseUnit, Field, Form, MedicineReading } from './reading.ts'

const solid: ReadonlySet<Form> = new Set<Form>(['tablet', 'capsule', 'suppository', 'ovule', 'patch', 'lozenge'])
const solidDose: ReadonlySet<DoseUnit> = new Set<DoseUnit>([
  'tablet',
  'capsule',
  'suppository',
  'ovule',
  'patch',
  'lozenge',
])
const liquidDose: ReadonlySet<DoseUnit> = new Set<DoseUnit>(['ml', 'drop', 'teaspoon', 'tablespoon', 'puff'])
const liquid: ReadonlySet<Form> = new Set<Form>(['syrup', 'suspension', 'solution', 'drops', 'spray', 'inhaler'])

/** Rules that look at several fields of one medicine. */
export function finish({ told: _, ...draft }: Draft, lookup: CatalogLookup | undefined): MedicineReading {
  const { form, dose, strength } = draft
  const doubted = <Value>(field: Field<Value>, ...doubts: Doubt[]): Field<Value> => ({
    ...field,
    doubts: distinct([...field.doubts, ...doubts]),
  })
  let reading: MedicineReading = draft
  if (form !== null && dose !== null && dose.value.unit !== null) {
    const { unit } = dose.value
    const odd = (solid.has(form.value) && liquidDose.has(unit)) || (liquid.has(form.value) && solidDose.has(unit))
    if (odd) reading = { ...reading, dose: doubted(dose, 'unlikely-unit') }
  }
  if (form !== null && strength !== null && solid.has(form.value)) {
    const odd = strength.value.amounts.some(({ unit }) => unit === 'ml' || unit === '%')
    if (odd) reading = { ...reading, strength: doubted(strength, 'unlikely-unit') }
  }
  return compared(reading, lookup, doubted)
}

function compared(
  reading: MedicineReading,
  lookup: CatalogLookup | undefined,
  doubted: <Value>(field: Field<Value>, ...doubts: Doubt[]) => Field<Value>,
): MedicineReading {
  const { drug, strength } = reading
  if (lookup === undefined) {
    return {
      ...reading,
      drug: doubted(drug, 'no-catalog'),
      strength: strength === null ? null : doubted(strength, 'no-catalog'),
    }
  }
  const known = lookup(drug.value)
  if (known === undefined) {
    return {
      ...reading,
      drug: doubted(drug, 'unknown-drug'),
      strength: strength === null ? null : doubted(strength, 'unknown-strength'),
    }
  }
  if (strength === null || known.strengths.some((candidate) => sameStrength(candidate, strength.value))) return reading
  return { ...reading, strength: doubted(strength, 'unknown-strength') }
}
