import { type Doubt, distinct } from './doubt.ts'
import { matchStrength } from './measures.ts'
import { numberPattern, readNumber } from './number.ts'
import { type Matcher, matcher, type Piece, wordEnd } from './piece.ts'
import { compare, type Quantity, quantity } from './quantity.ts'
import type { Dose, DoseUnit, Form, Route } from './reading.ts'

const forms: readonly { form: Form; spelling: string }[] = [
  {
    form: 'tablet',
    spelling: 'tabletas?|tablets?|tabs?\\.?|comprimidos?|comp\\.?|cpr\\.?|pastillas?|grageas?|pills?|caplets?',
  },
  { form: 'capsule', spelling: 'capsulas?|capsules?|caps?\\.?' },
  { form: 'syrup', spelling: 'jarabes?|jbe\\.?|syrup' },
  { form: 'suspension', spelling: 'suspension(?: oral)?|susp\\.?' },
  { form: 'drops', spelling: 'gotas|drops|gts\\.?|solucion oftalmica|ophthalmic solution' },
  { form: 'solution', spelling: 'solucion(?: oral)?|(?:oral )?solution|sol\\.' },
  { form: 'cream', spelling: 'crema|cream' },
  { form: 'ointment', spelling: 'unguento|pomada|ointment' },
  { form: 'gel', spelling: 'gel' },
  { form: 'lotion', spelling: 'locion|lotion' },
  {
    form: 'injection',
    spelling: 'inyectables?|solucion inyectable|ampolletas?|ampollas?|injections?|injectable|vials?|amp\\.?',
  },
  { form: 'suppository', spelling: 'supositorios?|suppositor(?:y|ies)' },
  { form: 'ovule', spelling: 'ovulos?|ovules?' },
  { form: 'patch', spelling: 'parches?|patch(?:es)?' },
  { form: 'inhaler', spelling: 'inhalador|inhaler|aerosol' },
  { form: 'spray', spelling: 'spray(?: nasal)?|nasal spray' },
  { form: 'powder', spelling: 'polvo|powder|sobres?|sachets?' },
  { form: 'lozenge', spelling: 'trociscos?|lozenges?' },
]
const anyForm = forms.map(({ spelling }) => spelling).join('|')

const doseUnits: readonly { unit: DoseUnit; spelling: string }[] = [
  {
    unit: 'tablet',
    spelling: 'tabletas?|tablets?|tabs?\\.?|comprimidos?|comp\\.?|cpr\\.?|pastillas?|grageas?|pills?|caplets?',
  },
  { unit: 'capsule', spelling: 'capsulas?|capsules?|caps?\\.?' },
  { unit: 'drop', spelling: 'gotas?|drops?|gts?\\.?' },
  {
    unit: 'puff',
    spelling: 'puffs?|disparos?|inhalaci(?:on|ones)|inhalations?|sprays?|atomizaci(?:on|ones)|nebulizaci(?:on|ones)',
  },
  { unit: 'teaspoon', spelling: 'cucharaditas?|cditas?\\.?|teaspoons?|teaspoonfuls?|tsps?\\.?' },
  { unit: 'tablespoon', spelling: 'cucharadas?|cdas?\\.?|tablespoons?|tablespoonfuls?|tbsps?\\.?' },
  { unit: 'application', spelling: 'aplicaci(?:on|ones)|applications?' },
  { unit: 'sachet', spelling: 'sobres?|sachets?' },
  { unit: 'patch', spelling: 'parches?|patch(?:es)?' },
  { unit: 'suppository', spelling: 'supositorios?|suppositor(?:y|ies)' },
  { unit: 'ovule', spelling: 'ovulos?|ovules?' },
  { unit: 'ampoule', spelling: 'ampolletas?|ampollas?|ampoules?|vials?|amp\\.?' },
  { unit: 'lozenge', spelling: 'trociscos?|lozenges?' },
  { unit: 'measure', spelling: 'medidas?|measures?|dosis|doses?' },
]
const anyDoseUnit = doseUnits.map(({ spelling }) => spelling).join('|')

const number = numberPattern('tabletas?|tablets?|tabs?|capsulas?|capsules?|gotas?|drops?|ml|comprimidos?')
const to = '(?:-|a|to|o|or)'

const routes: readonly { route: Route; spelling: string }[] = [
  {
    route: 'sublingual',
    spelling: '(?:por )?(?:via )?sublingual|debajo de la lengua|bajo la lengua|under the tongue|s\\.?l\\.?',
  },
  { route: 'intravenous', spelling: '(?:por )?(?:via )?(?:intravenosa|endovenosa)|intravenous(?:ly)?|i\\.?v\\.?' },
  { route: 'intramuscular', spelling: '(?:por )?(?:via )?intramuscular(?:ly)?|i\\.?m\\.?' },
  { route: 'subcutaneous', spelling: '(?:por )?(?:via )?subcutanea|subcutaneous(?:ly)?|s\\.?c\\.?|subq' },
  {
    route: 'ophthalmic',
    spelling:
      '(?:por )?(?:via )?oftalmica|ophthalmic|(?:en|in(?:to)?) (?:cada |each |both |ambos |the |el |los |affected )*(?:ojos?|eyes?)(?: (?:derecho|izquierdo))?|(?:en|in(?:to)?) (?:the )?(?:left|right|affected) eye',
  },
  {
    route: 'otic',
    spelling:
      '(?:por )?(?:via )?otica|otic|(?:en|in(?:to)?) (?:cada |each |both |ambos |the |el |los |left |right )*(?:oidos?|ears?)',
  },
  {
    route: 'nasal',
    spelling:
      '(?:por )?(?:via )?(?:intra)?nasal|(?:en|in(?:to)?) (?:cada |each |both |ambas |the )*(?:fosas? nasal(?:es)?|nostrils?)',
  },
  { route: 'inhaled', spelling: '(?:por )?(?:via )?inhalad[ao]|inhaled|inhale|by inhalation' },
  { route: 'rectal', spelling: '(?:por )?(?:via )?rectal(?:ly)?|p\\.?r\\.?(?=\\s)' },
  { route: 'vaginal', spelling: '(?:por )?(?:via )?vaginal(?:ly)?' },
  { route: 'transdermal', spelling: '(?:por )?(?:via )?transdermic[ao]|transdermal(?:ly)?' },
  {
    route: 'topical',
    spelling: '(?:por )?(?:via )?(?:topic[ao]|cutanea)|topical(?:ly)?|(?:en|sobre) la piel|(?:to|on) the skin',
  },
  { route: 'oral', spelling: '(?:por )?via oral|v\\.?o\\.?|oral(?:ly|es)?|por (?:la )?boca|by mouth|p\\.?o\\.?' },
]

const verbs =
  'tom(?:ar|e|a)|administr(?:ar|e)|aplic(?:ar|a|ue|arse)|ingerir|dar|use|usar|us[ae]|instilar|inhalar|inyectar|masticar|disolver|colocar|poner|take|takes|give|apply|instill|inject|chew|dissolve|place|insert|inhale|swallow'

const supplied =
  '(?:caja|frasco|envase|tubo|blister|bote|surtir|dispense|disp|qty|quantity|cantidad|box|bottle|cajas|frascos|refills?|resurtidos?)\\.?:?(?: (?:con|of|de|c\\/))?'

const plainWords =
  'con|sin|de|del|la|el|los|las|y|o|a|al|en|por|para|hasta|un|una|agua|alimentos?|comidas?|vaso|leche|despues|antes|luego|cada|dosis|dose|max(?:imo)?|no|mas|more|than|exceed|suspender|continuar|with|without|food|water|milk|glass|until|then|the|of|and|or|for|in|on|to|max(?:imum)?|do|not|area|afectada|affected|zona|noche|dias?|days?|horas?|hours?|ayunas|indicaciones|instructions|sig|nota|note|tratamiento|terminar'

export const dosageMatchers: readonly Matcher[] = [
  matcher(
    `(?:${supplied}|#|no\\.|c\\/|\\() ?${number}(?: (?:${anyForm}|ml|g|piezas?|pzas?))?\\)?${wordEnd}|(?:${supplied})${wordEnd}`,
    () => ({
      kind: 'supply',
      doubts: [],
    }),
  ),
  matcher(
    `(${number})(?: ?${to} ?(${number}))? ?(?:de |of )?(${anyDoseUnit})${wordEnd}`,
    ([, from, last, spelling = '']) => {
      const unit = doseUnits.find((candidate) => new RegExp(`^(?:${candidate.spelling})$`).test(spelling))?.unit
      return unit === undefined ? undefined : dose('dose', from, last, unit)
    },
  ),
  matcher(`(?:el |una |)(?:(?:aplique|apply) )?(?:una )?(?:capa (?:delgada|fina)|thin layer)${wordEnd}`, () => ({
    kind: 'dose',
    value: { quantity: quantity(1), to: null, unit: 'application' },
    doubts: [],
  })),
  ...routes.map(({ route, spelling }) =>
    matcher(`(?:${spelling})${wordEnd}`, () => ({ kind: 'route', value: route, doubts: [] })),
  ),
  ...forms.map(({ form, spelling }) =>
    matcher(`(?:${spelling})${wordEnd}`, () => ({ kind: 'form', value: form, doubts: [] })),
  ),
  matcher(`(?:${verbs})${wordEnd}`, () => ({ kind: 'verb', doubts: [] })),
  matcher(`(${number})(?: ?${to} ?(${number}))?${wordEnd}(?![\\/:%.-]\\d)`, ([, from, last]) =>
    dose('number', from, last, null),
  ),
  matcher(`(?:${plainWords})${wordEnd}`, () => ({ kind: 'plain', doubts: [] })),
]

function dose<Kind extends 'dose' | 'number'>(
  kind: Kind,
  from: string | undefined,
  last: string | undefined,
  unit: DoseUnit | null,
) {
  const [first, second] = [readNumber(from ?? ''), last === undefined ? undefined : readNumber(last)]
  if (first === undefined || (last !== undefined && second === undefined)) return undefined
  const doubts: Doubt[] = [...first.doubts, ...(second?.doubts ?? [])]
  const value: Dose = { quantity: first.quantity, to: second?.quantity ?? null, unit }
  if (kind === 'dose' && isUnlikely(value)) doubts.push('unlikely-amount')
  return { kind, value, doubts: distinct(doubts) }
}

const mostAtOnce: Partial<Record<DoseUnit, Quantity>> = {
  drop: quantity(40),
  measure: quantity(4),
  application: quantity(2),
  patch: quantity(2),
  teaspoon: quantity(4),
  tablespoon: quantity(3),
}

function isUnlikely({ quantity: first, to: last, unit }: Dose): boolean {
  const most = unit === null ? quantity(4) : (mostAtOnce[unit] ?? quantity(4))
  if (first.numerator === 0 || compare(last ?? first, most) > 0) return true
  return last !== null && compare(last, first) <= 0
}

/** A strength, as a piece. */
export const strengthMatcher: Matcher = (folded, start) => {
  if (/[a-z\d]/.test(folded.charAt(start - 1))) return undefined
  const match = matchStrength(folded, start)
  if (match === undefined) return undefined
  const piece: Piece = { kind: 'strength', start, end: match.end, value: match.value, doubts: match.doubts }
  return piece
}
