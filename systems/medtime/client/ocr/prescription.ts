import type { CatalogLookup } from './catalog-lookup.ts'
import { type Doubt, distinct } from './doubt.ts'
import { type Draft, emptyDraft, take } from './draft.ts'
import { finish } from './finish.ts'
import { fold } from './fold.ts'
import { isAmount, isUnknown, markerLength, namesOf } from './names.ts'
import type { Piece } from './piece.ts'
import { type Token, tokensOf } from './pieces.ts'
import type { Field, MedicineReading, PrescriptionReading } from './reading.ts'
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
  // Marks of items, and verbs that lead to an amount: they mean nothing by themselves.
  const aside: Span[] = []
  const medicines: MedicineReading[] = []
  let current: Draft | undefined
  const close = () => {
    if (current !== undefined) medicines.push(finish(current, lookup))
    current = undefined
  }
  const fieldOf = <Value>(span: Span, value: Value, doubts: readonly Doubt[]): Field<Value> => {
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
    for (const token of line.slice(0, marker)) aside.push(token)
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
        if (token.kind === 'verb' && isAmount(line[index + 1])) aside.push(token)
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
  return { medicines, unread: unreadOf(folded, [...aside, ...medicines.flatMap(spansOf)]) }
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

function isPiece(token: Token): token is Piece {
  return token.kind !== 'word' && token.kind !== 'break'
}

function spansOf(medicine: MedicineReading): Span[] {
  const fields: (Field<unknown> | null)[] = Object.values(medicine)
  return fields.flatMap((field) => (field === null ? [] : [field.span]))
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
