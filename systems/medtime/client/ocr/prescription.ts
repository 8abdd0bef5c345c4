import type { CatalogLookup } from './catalog-lookup.ts'
import { type Doubt, distinct } from './doubt.ts'
import { fold } from './fold.ts'
import { sameStrength } from './measures.ts'
import type { Piece } from './piece.ts'
import { type Token, tokensOf, type Word } from './pieces.ts'
import type { Dose, DoseUnit, Field, Form, MedicineReading, PrescriptionReading, Strength } from './reading.ts'
import type { RecognisedWord } from './recognised-text.ts'
import { overlap, type Span } from './span.ts'

export interface ReadingOptions {
  /** How sure the engine was of each word. It can add a doubt, and takes none away. */
  words?: readonly RecognisedWord[]
  /** What to compare names and strengths with. Without it every name and strength is doubtful. */
  lookup?: CatalogLookup
}

/** A word the engine is less sure of than this is doubtful. */
const sureFrom = 80

/**
 * Reads a prescription, Spanish or English (BACKEND-ARCH-001 §5.4). It takes what stands there and adds nothing: no name is
 * corrected, no field is filled in from another, and every value carries the piece of text it came from.
 * @param text composed (NFC), lines as on the page
 */
export function readPrescription(text: string, { words = [], lookup }: ReadingOptions = {}): PrescriptionReading {
  const folded = fold(text)
  const used: Span[] = []
  const medicines: MedicineReading[] = []
  let current: Draft | undefined
  const close = () => {
    if (current !== undefined) medicines.push(finish(current, lookup))
    current = undefined
  }
  const fieldOf = <Value>(span: Span, value: Value, doubts: readonly Doubt[]): Field<Value> => {
    used.push(span)
    const unsure = words.some((word) => overlap(word, span) && word.confidence < sureFrom)
    return {
      value,
      text: text.slice(span.start, span.end),
      span: { start: span.start, end: span.end },
      doubts: distinct(unsure ? [...doubts, 'unsure-engine'] : doubts),
    }
  }

  const lines = linesOf(folded)
  for (const [number, line] of lines.entries()) {
    if (line.length === 0 || isAbout(folded, line)) continue
    const marker = markerLength(folded, line)
    for (const token of line.slice(0, marker)) used.push(token)
    // A numbered item is a medicine of its own, also when its name cannot be made out.
    if (marker > 0) close()
    const names = namesOf({ text, line, marker, following: lines[number + 1]?.[0], current, lookup })
    const unclear = names.length === 0 && isUnknown(line[marker])
    const told: Piece[] = []
    for (const [index, token] of line.entries()) {
      const name = names.find((candidate) => candidate.index === index)
      if (name !== undefined) {
        close()
        current = emptyDraft(fieldOf(name.span, text.slice(name.span.start, name.span.end), []))
        for (const piece of told.splice(0)) take(current, piece, text, fieldOf)
        current.told = false
      } else if (isPiece(token)) {
        if (token.kind === 'verb' && isAmount(line[index + 1])) used.push(token)
        const piece = unclear ? { ...token, doubts: [...token.doubts, 'unclear-owner' as const] } : token
        // `Take half a tablet of` speaks of the name after it.
        if (names[0]?.led === true && index < names[0].index) told.push(piece)
        else if (current !== undefined) take(current, piece, text, fieldOf)
      }
    }
    // A verb speaks of what follows it on its line.
    if (current !== undefined) current.told = false
  }
  close()
  return { medicines, unread: unreadOf(folded, used) }
}

interface Draft extends MedicineReading {
  /** A verb was met: the next amount is a dose. */
  told: boolean
}

function emptyDraft(drug: Field<string>): Draft {
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

type FieldOf = <Value>(span: Span, value: Value, doubts: readonly Doubt[]) => Field<Value>

function take(draft: Draft, piece: Piece, text: string, fieldOf: FieldOf): void {
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
function finish({ told: _, ...draft }: Draft, lookup: CatalogLookup | undefined): MedicineReading {
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

/** The tokens of each line. */
function linesOf(folded: string): Token[][] {
  const lines: Token[][] = []
  let line: Token[] = []
  for (const token of tokensOf(folded)) {
    if (folded.slice(token.start, token.end) === '\n') {
      lines.push(line)
      line = []
    } else line.push(token)
  }
  lines.push(line)
  return lines
}

const labels =
  /^(?:(?:nombre|paciente|edad|fecha|sexo|peso|talla|dra?|doctora?|cedula|ced|cel|tel|telefono|direccion|domicilio|diagnostico|dx|idx|firma|folio|clinica|hospital|consultorio|alergias?|proxima cita|cita|name|patient|age|date|dob|sex|weight|height|physician|prescriber|address|phone|diagnosis|allerg(?:y|ies)|signature|license|next visit|ta|fc|fr|temp|imc|bmi|bp|hr)(?:[\s.]*:|\.)|(?:nombre|paciente|patient|dra?|doctora?)\s)/

/** Lines about the person, the physician and the visit; no medicine is looked for in them. */
function isAbout(folded: string, line: readonly Token[]): boolean {
  return labels.test(folded.slice(line[0]?.start ?? 0, line.at(-1)?.end ?? 0))
}

const shortestName = 4
const mostWords = 5

interface Name {
  /** The token it begins with. */
  index: number
  span: Span
  /** A verb or an amount leads to it: what stands before it on its line is said of it. */
  led: boolean
}

/**
 * The names of medicines on a line: words nothing else is known of, either known to the catalog, or at the beginning of the line
 * (or after punctuation, a verb, or an amount with "of") and directly followed by a strength or a form.
 */
interface Place {
  text: string
  line: readonly Token[]
  /** Tokens of the mark before the item. */
  marker: number
  /** The token the next line begins with. */
  following: Token | undefined
  current: Draft | undefined
  lookup: CatalogLookup | undefined
}

function namesOf(place: Place): Name[] {
  const names: Name[] = []
  for (let index = place.marker; index < place.line.length; ) {
    const found = nameAt(place, index)
    if (found !== undefined) names.push({ index, span: found.span, led: found.led })
    index += found?.length ?? 1
  }
  return names
}

function nameAt(
  { text, line, marker, following, current, lookup }: Place,
  index: number,
): { span: Span; length: number; led: boolean } | undefined {
  const first = line[index]
  if (first?.kind !== 'word') return undefined
  const words: { word: Word; length: number }[] = []
  for (let at = index; at < line.length && words.length < mostWords; ) {
    const token = line[at]
    if (token?.kind !== 'word') break
    words.push({ word: token, length: at + 1 - index })
    at += 1 + joinLength(text, line, at + 1)
  }
  const previous = line[index - 1]
  const afterVerb = previous?.kind === 'verb'
  const afterOf = previous?.kind === 'plain' && isAmount(line[index - 2])
  const foundAs = ({ word, length }: { word: Word; length: number }) => ({
    span: { start: first.start, end: word.end },
    length,
    led: afterVerb || afterOf,
  })
  const known = words.findLast(({ word }) => lookup?.(text.slice(first.start, word.end)) !== undefined)
  if (known !== undefined) return foundAs(known)
  const last = words.at(-1)
  if (last === undefined || !words.some(({ word }) => word.end - word.start >= shortestName)) return undefined
  const after = index + last.length
  const next = (after >= line.length ? following : afterBrackets(text, line, after))?.kind
  if (afterOf) return next === 'strength' ? foundAs(last) : undefined
  if (afterVerb) {
    // What is said already of the medicine before makes this another one, and not a place or a time of it.
    const another = current === undefined || current.dose !== null || current.frequency !== null
    return next === 'strength' && another ? foundAs(last) : undefined
  }
  const begins = index === marker || previous?.kind === 'break'
  return begins && (next === 'strength' || next === 'form') ? foundAs(last) : undefined
}

function isAmount(token: Token | undefined): boolean {
  return token !== undefined && (token.kind === 'dose' || token.kind === 'strength' || token.kind === 'number')
}

/** A word long enough for a name, of which nothing is known. */
function isUnknown(token: Token | undefined): boolean {
  return token?.kind === 'word' && token.end - token.start >= shortestName
}

/** How many tokens join two words of a name: `amoxicilina/acido clavulanico`, `trimetoprima y sulfametoxazol`. */
function joinLength(text: string, line: readonly Token[], at: number): number {
  const token = line[at]
  if (token === undefined || line[at + 1]?.kind !== 'word') return 0
  const joint = text.slice(token.start, token.end).toLowerCase()
  return ['/', '+', '-', 'y', 'and', 'con', 'with', 'de'].includes(joint) ? 1 : 0
}

/** Tokens of a mark before an item: `1.`, `2)`, `-`, `Rx:`, or a number with a name after it. */
function markerLength(folded: string, line: readonly Token[]): number {
  const start = line[0]?.start ?? 0
  const mark = /^(?:\d{1,2}\s?(?:[.)]-?|-)(?!\d)|[-*\u2022]|(?:rx|rp|r)\s?[.:/])\s*/.exec(folded.slice(start))
  if (mark === null) return line[0]?.kind === 'number' && isUnknown(line[1]) ? 1 : 0
  const end = start + mark[0].length
  const first = line.findIndex((token) => token.end > end)
  return first < 0 ? line.length : first
}

/** The token after a remark in brackets, such as a brand: `Paracetamol (Tempra) 500 mg`. */
function afterBrackets(text: string, line: readonly Token[], at: number): Token | undefined {
  const token = line[at]
  if (token === undefined || text.charAt(token.start) !== '(') return token
  const close = line.findIndex((candidate, index) => index > at && text.charAt(candidate.start) === ')')
  return close < 0 ? undefined : line[close + 1]
}

function isPiece(token: Token): token is Piece {
  return token.kind !== 'word' && token.kind !== 'break'
}

/** What is left of each line beside what fields were read from. */
function unreadOf(folded: string, used: readonly Span[]): Span[] {
  const rest: Span[] = []
  const sorted = used.toSorted((left, right) => left.start - right.start)
  for (const match of folded.matchAll(/[^\n]+/g)) {
    const end = match.index + match[0].length
    let start = match.index
    for (const span of sorted.filter((candidate) => overlap(candidate, { start: match.index, end }))) {
      rest.push({ start, end: span.start })
      start = Math.max(start, span.end)
    }
    rest.push({ start, end })
  }
  return rest.filter(({ start, end }) => /[a-z\d\u00df-\u024f]/.test(folded.slice(start, Math.max(start, end))))
}
