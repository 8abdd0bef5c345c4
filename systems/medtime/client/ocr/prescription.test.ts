import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Doubt } from './doubt.ts'
import { matchStrength } from './measures.ts'
import { readPrescription } from './prescription.ts'
import type { Quantity } from './quantity.ts'
import type { Dose, Field, Frequency, MedicineReading, Strength } from './reading.ts'

/*
 * What stands on a prescription, and what is read from it: `field value` in the order of the fields, with `!doubt` where a rule
 * found one. That no catalog was there is left out.
 */
const table: readonly [text: string, read: string][] = [
  // Names and strengths
  ['Paracetamol 500 mg', 'Paracetamol; strength 500 mg'],
  ['PARACETAMOL 500MG', 'PARACETAMOL; strength 500 mg'],
  ['Losartán 50 mg tabletas', 'Losartán; strength 50 mg; form tablet'],
  ['Amoxicilina/Ácido clavulánico 875/125 mg', 'Amoxicilina/Ácido clavulánico; strength 875 mg + 125 mg'],
  ['Trimetoprima y sulfametoxazol 160 mg/800 mg', 'Trimetoprima y sulfametoxazol; strength 160 mg + 800 mg'],
  ['Amoxicilina suspensión 250 mg/5 ml', 'Amoxicilina; strength 250 mg per 5 ml; form suspension'],
  ['Paracetamol (Tempra) 500 mg', 'Paracetamol; strength 500 mg'],
  ['Paracetamol\n500 mg tabletas', 'Paracetamol; strength 500 mg; form tablet'],
  ['Levotiroxina 0.125 mg', 'Levotiroxina; strength 1/8 mg'],
  ['Levotiroxina 0,125 mg', 'Levotiroxina; strength 1/8 mg'],
  ['Levothyroxine 125 µg', 'Levothyroxine; strength 125 mcg'],
  ['Insulin glargine 100 IU/ml', 'Insulin glargine; strength 100 iu per 1 ml'],
  ['Hidrocortisona crema 1%', 'Hidrocortisona; strength 1 %; form cream'],
  ['1) Enalapril 10 mg', 'Enalapril; strength 10 mg'],
  ['- Enalapril 10 mg', 'Enalapril; strength 10 mg'],
  ['Rx: Metformin 850 mg tablets', 'Metformin; strength 850 mg; form tablet'],
  ['Diclofenaco gel', 'Diclofenaco; form gel'],
  // Doses
  ['Ibuprofeno 400 mg 1 tableta', 'Ibuprofeno; strength 400 mg; dose 1 tablet'],
  ['Ibuprofeno 400 mg media tableta', 'Ibuprofeno; strength 400 mg; dose 1/2 tablet'],
  ['Ibuprofeno 400 mg ½ tab', 'Ibuprofeno; strength 400 mg; dose 1/2 tablet'],
  ['Ibuprofeno 400 mg 1/2 tab.', 'Ibuprofeno; strength 400 mg; dose 1/2 tablet'],
  ['Prednisona 5 mg 1 1/2 tabletas', 'Prednisona; strength 5 mg; dose 3/2 tablet'],
  ['Ibuprofen 200 mg take 1 to 2 tablets', 'Ibuprofen; strength 200 mg; dose 1-2 tablet'],
  ['Ibuprofen 200 mg take one tablet', 'Ibuprofen; strength 200 mg; dose 1 tablet'],
  ['Ambroxol jarabe 15 mg/5 ml tomar 10 ml', 'Ambroxol; strength 15 mg per 5 ml; form syrup; dose 10 ml'],
  ['Ambroxol jarabe tomar una cucharada', 'Ambroxol; form syrup; dose 1 tablespoon'],
  [
    'Salbutamol inhalador 100 mcg/dosis 2 disparos',
    'Salbutamol; strength 100 mcg per 1 dose; form inhaler; dose 2 puff',
  ],
  [
    'Timolol solución oftálmica 0.5% 1 gota en cada ojo',
    'Timolol; strength 1/2 %; form drops; dose 1 drop; route ophthalmic',
  ],
  ['Naproxeno 250 mg tomar 500 mg', 'Naproxeno; strength 250 mg; dose 500 mg'],
  ['Naproxeno 250 mg caja con 20 tabletas tomar 1 tableta', 'Naproxeno; strength 250 mg; dose 1 tablet'],
  // Routes
  ['Ketorolaco 30 mg IM', 'Ketorolaco; strength 30 mg; route intramuscular'],
  ['Ketorolaco 10 mg vía oral', 'Ketorolaco; strength 10 mg; route oral'],
  ['Ondansetron 8 mg by mouth', 'Ondansetron; strength 8 mg; route oral'],
  ['Isosorbida 5 mg sublingual', 'Isosorbida; strength 5 mg; route sublingual'],
  ['Clotrimazol crema vía tópica', 'Clotrimazol; form cream; route topical'],
  // Frequencies
  ['Paracetamol 500 mg cada 8 horas', 'Paracetamol; strength 500 mg; frequency every 8 hour'],
  ['Paracetamol 500 mg c/8h', 'Paracetamol; strength 500 mg; frequency every 8 hour'],
  ['Paracetamol 500 mg c/ 8 hrs', 'Paracetamol; strength 500 mg; frequency every 8 hour'],
  ['Paracetamol 500 mg cada ocho horas', 'Paracetamol; strength 500 mg; frequency every 8 hour'],
  ['Paracetamol 500 mg cada 6-8 horas', 'Paracetamol; strength 500 mg; frequency every 6-8 hour'],
  ['Acetaminophen 500 mg every 6 hours', 'Acetaminophen; strength 500 mg; frequency every 6 hour'],
  ['Acetaminophen 500 mg q6h', 'Acetaminophen; strength 500 mg; frequency every 6 hour'],
  ['Acetaminophen 500 mg every 4 to 6 hours', 'Acetaminophen; strength 500 mg; frequency every 4-6 hour'],
  ['Metformin 850 mg twice daily', 'Metformin; strength 850 mg; frequency 2 a day'],
  ['Metformin 850 mg BID', 'Metformin; strength 850 mg; frequency 2 a day'],
  ['Metformina 850 mg 2 veces al día', 'Metformina; strength 850 mg; frequency 2 a day'],
  ['Metformina 850 mg dos veces al día', 'Metformina; strength 850 mg; frequency 2 a day'],
  ['Metformina 850 mg tres tomas diarias', 'Metformina; strength 850 mg; frequency 3 a day'],
  ['Amoxicillin 500 mg three times a day', 'Amoxicillin; strength 500 mg; frequency 3 a day'],
  ['Amoxicillin 500 mg t.i.d.', 'Amoxicillin; strength 500 mg; frequency 3 a day'],
  ['Losartán 50 mg 1-0-1', 'Losartán; strength 50 mg; frequency 1-0-1'],
  ['Losartán 50 mg 1-0-0-1/2', 'Losartán; strength 50 mg; frequency 1-0-0-1/2'],
  ['Losartán 50 mg ½-0-½', 'Losartán; strength 50 mg; frequency 1/2-0-1/2'],
  ['Enalapril 10 mg cada 24 horas por la noche', 'Enalapril; strength 10 mg; frequency every 24 hour; timing night'],
  ['Enalapril 10 mg cada tercer día', 'Enalapril; strength 10 mg; frequency every 2 day'],
  ['Methotrexate 2.5 mg once weekly', 'Methotrexate; strength 5/2 mg; frequency 1 a week'],
  ['Metotrexato 2.5 mg lunes y jueves', 'Metotrexato; strength 5/2 mg; frequency monday, thursday'],
  ['Albendazol 400 mg dosis única', 'Albendazol; strength 400 mg; frequency once'],
  ['Sertralina 50 mg diario', 'Sertralina; strength 50 mg; frequency 1 a day'],
  // Times of day
  ['Omeprazol 20 mg en ayunas', 'Omeprazol; strength 20 mg; timing fasting'],
  ['Simvastatin 20 mg at bedtime', 'Simvastatin; strength 20 mg; timing bedtime'],
  ['Metformina 850 mg con el desayuno y la cena', 'Metformina; strength 850 mg; timing breakfast, dinner'],
  ['Metformina 850 mg a las 8:00 y 20:00', 'Metformina; strength 850 mg; timing 480, 1200'],
  ['Metformin 850 mg at 8 am and 8 pm', 'Metformin; strength 850 mg; timing 480, 1200'],
  // Durations and need
  ['Amoxicilina 500 mg por 7 días', 'Amoxicilina; strength 500 mg; duration 7 day'],
  ['Amoxicilina 500 mg x 10 días', 'Amoxicilina; strength 500 mg; duration 10 day'],
  ['Amoxicillin 500 mg for 2 weeks', 'Amoxicillin; strength 500 mg; duration 2 week'],
  ['Losartán 50 mg durante un mes', 'Losartán; strength 50 mg; duration 1 month'],
  ['Losartán 50 mg tratamiento continuo', 'Losartán; strength 50 mg; duration continuous'],
  ['Paracetamol 500 mg si dolor', 'Paracetamol; strength 500 mg; needed dolor'],
  ['Paracetamol 500 mg en caso de fiebre', 'Paracetamol; strength 500 mg; needed fiebre'],
  ['Paracetamol 500 mg PRN', 'Paracetamol; strength 500 mg; needed'],
  ['Ibuprofen 400 mg as needed for pain', 'Ibuprofen; strength 400 mg; needed pain'],
  ['Ibuprofeno 400 mg por razón necesaria', 'Ibuprofeno; strength 400 mg; needed'],
  // Doubts
  ['Ibuprofeno 4OO mg', 'Ibuprofeno; strength 400 mg !letter-for-digit'],
  ['Ibuprofeno 5O0 mg', 'Ibuprofeno; strength 500 mg !letter-for-digit'],
  ['Enalapril S mg', 'Enalapril; strength 5 mg !letter-for-digit'],
  ['Enalapril l0 mg', 'Enalapril; strength 10 mg !letter-for-digit'],
  ['Paracetamol 500 mg cada B horas', 'Paracetamol; strength 500 mg; frequency every 8 hour !letter-for-digit'],
  ['Losartán 50 mg 1-O-1', 'Losartán; strength 50 mg; frequency 1-0-1 !letter-for-digit'],
  ['Penicilina 1,000 mg', 'Penicilina; strength 1000 mg !ambiguous-number'],
  ['Clonazepam 2.0 mg', 'Clonazepam; strength 2 mg !trailing-zero'],
  ['Clonazepam .5 mg', 'Clonazepam; strength 1/2 mg !naked-point'],
  ['Paracetamol 500 rng', 'Paracetamol; strength 500 mg !unlikely-unit'],
  ['Paracetamol 500 kg', 'Paracetamol; strength 500 kg !unlikely-unit'],
  ['Paracetamol 50000 mg', 'Paracetamol; strength 50000 mg !unlikely-amount'],
  ['Paracetamol tabletas 5 ml', 'Paracetamol; strength 5 ml !unlikely-unit; form tablet'],
  ['Insulina NPH 100 UI/ml aplicar 10 U', 'Insulina NPH; strength 100 iu per 1 ml; dose 10 unit !unsafe-abbreviation'],
  ['Digoxin 0.25 mg QD', 'Digoxin; strength 1/4 mg; frequency 1 a day !unsafe-abbreviation'],
  ['Paracetamol 500 mg tomar 20 tabletas', 'Paracetamol; strength 500 mg; dose 20 tablet !unlikely-amount'],
  ['Paracetamol 500 mg tomar 1 cada 8 horas', 'Paracetamol; strength 500 mg; dose 1 !no-unit; frequency every 8 hour'],
  ['Paracetamol 500 mg cada 7 horas', 'Paracetamol; strength 500 mg; frequency every 7 hour !unlikely-amount'],
  [
    'Paracetamol 500 mg cada 8 horas, luego cada 12 horas',
    'Paracetamol; strength 500 mg; frequency every 8 hour !several-readings',
  ],
  ['Amoxicilina 500 mg por 800 días', 'Amoxicilina; strength 500 mg; duration 800 day !unlikely-amount'],
  ['Ambroxol jarabe tomar 2 tabletas', 'Ambroxol; form syrup; dose 2 tablet !unlikely-unit'],
  ['Paracetamol 500 mg\nxyzal, una cucharada', 'Paracetamol; strength 500 mg; dose 1 tablespoon !unclear-owner'],
  // Several medicines
  [
    'Paracetamol 500 mg c/8h por 3 días, Ibuprofeno 400 mg c/12h',
    'Paracetamol; strength 500 mg; frequency every 8 hour; duration 3 day | Ibuprofeno; strength 400 mg; frequency every 12 hour',
  ],
  [
    '1. Omeprazol 20 mg en ayunas\n2. Tomar media tableta de Clonazepam 2 mg por la noche',
    'Omeprazol; strength 20 mg; timing fasting | Clonazepam; strength 2 mg; dose 1/2 tablet; timing night',
  ],
  ['1. Omeprazol 20 mg\n2. ???, 1 tableta cada 8 horas', 'Omeprazol; strength 20 mg'],
  // Nothing
  ['', ''],
  ['Paciente: femenino 500 mg', ''],
  ['Dra. Medicina general 500 mg', ''],
  ['Tomar 1 tableta cada 8 horas', ''],
  ['Fecha: 12-10-2024', ''],
  ['TA: 120/80', ''],
  ['hace 3 días', ''],
]

for (const [text, expected] of table) {
  test(`reads ${JSON.stringify(text)}`, () => {
    assert.equal(readPrescription(text).medicines.map(told).join(' | '), expected)
  })
}

function told(medicine: MedicineReading): string {
  const { drug, strength, form, dose, route, frequency, timing, duration, asNeeded } = medicine
  return [
    field(drug, (name) => name),
    field(strength, toldStrength, 'strength'),
    field(form, (name) => name, 'form'),
    field(dose, toldDose, 'dose'),
    field(route, (name) => name, 'route'),
    field(frequency, toldFrequency, 'frequency'),
    field(timing, (value) => ('moments' in value ? value.moments : value.minutes).join(', '), 'timing'),
    field(
      duration,
      (value) => (value === 'continuous' ? value : `${amount(value.length)} ${value.period}`),
      'duration',
    ),
    field(asNeeded, ({ reason }) => reason ?? '', 'needed'),
  ]
    .filter((part) => part !== '')
    .join('; ')
}

function field<Value>(read: Field<Value> | null, tell: (value: Value) => string, name = ''): string {
  if (read === null) return ''
  const doubts = read.doubts.filter((doubt) => doubt !== 'no-catalog').map((doubt) => `!${doubt}`)
  return [name, tell(read.value), ...doubts].filter((part) => part !== '').join(' ')
}

const amount = ({ numerator, denominator }: Quantity) =>
  denominator === 1 ? `${numerator}` : `${numerator}/${denominator}`
const range = (first: Quantity, last: Quantity | null) => amount(first) + (last === null ? '' : `-${amount(last)}`)

function toldStrength({ amounts, per }: Strength): string {
  const all = amounts.map(({ quantity, unit }) => `${amount(quantity)} ${unit}`).join(' + ')
  return per === null ? all : `${all} per ${amount(per.quantity)} ${per.unit}`
}

function toldDose({ quantity, to, unit }: Dose): string {
  return [range(quantity, to), unit ?? ''].filter((part) => part !== '').join(' ')
}

function toldFrequency(value: Frequency): string {
  if (value.kind === 'interval') return `every ${range(value.every, value.to)} ${value.period}`
  if (value.kind === 'times') return `${range(value.times, value.to)} a ${value.period}`
  if (value.kind === 'day-parts') return value.parts.map(amount).join('-')
  return value.kind === 'weekdays' ? value.days.join(', ') : 'once'
}

const doubtsOf = (field: Field<unknown> | null | undefined): Doubt[] => field?.doubts ?? []

/** A catalog of two medicines. */
const lookup = (name: string) => {
  const strengths: Record<string, string[]> = { paracetamol: ['500 mg', '1 g'], 'acido acetilsalicilico': ['100 mg'] }
  const found = strengths[name.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '')]
  if (found === undefined) return undefined
  return { strengths: found.flatMap((text) => matchStrength(text, 0)?.value ?? []) }
}

test('without a catalog no name and no strength is beyond doubt, however sure the engine was', () => {
  const text = 'Paracetamol 500 mg'
  const words = [
    { start: 0, end: 11, confidence: 100 },
    { start: 12, end: 15, confidence: 100 },
  ]
  const [medicine] = readPrescription(text, { words }).medicines
  assert.deepEqual([doubtsOf(medicine?.drug), doubtsOf(medicine?.strength)], [['no-catalog'], ['no-catalog']])
})

test('a catalog takes its doubt away from what it knows, whatever the unit, and from nothing else', () => {
  const doubts = (text: string) => {
    const [medicine] = readPrescription(text, { lookup }).medicines
    return [doubtsOf(medicine?.drug), doubtsOf(medicine?.strength)]
  }
  assert.deepEqual(doubts('Paracetamol 500 mg'), [[], []])
  assert.deepEqual(doubts('Paracetamol 1000 mg'), [[], []])
  assert.deepEqual(doubts('Ácido acetilsalicílico 100 mg'), [[], []])
  assert.deepEqual(doubts('Paracetamol 5 mg'), [[], ['unknown-strength']])
  assert.deepEqual(doubts('Paracetamol 5OO mg'), [[], ['letter-for-digit']])
  assert.deepEqual(doubts('Paracetamo1 500 mg'), [['unknown-drug'], ['unknown-strength']], 'near is not known')
})

test('a name the catalog knows is found where nothing follows it', () => {
  const read = (text: string) => readPrescription(text, { lookup }).medicines.map(({ drug }) => drug.text)
  assert.deepEqual(read('Paracetamol, una cucharada cada 8 horas'), ['Paracetamol'])
  assert.deepEqual(read('tomar con ácido acetilsalicílico'), ['ácido acetilsalicílico'])
})

test('a word the engine was unsure of makes the field doubtful that it is part of', () => {
  const text = 'Paracetamol 500 mg cada 8 horas'
  const at = text.indexOf('8')
  const [medicine] = readPrescription(text, { words: [{ start: at, end: at + 1, confidence: 42 }] }).medicines
  assert.deepEqual(doubtsOf(medicine?.frequency), ['unsure-engine'])
  assert.deepEqual(doubtsOf(medicine?.strength), ['no-catalog'])
})

const pieces = fc.constantFrom(
  ...[
    'Paracetamol',
    '500 mg',
    '5OO',
    'mg',
    '1/2',
    '½',
    'tab.',
    'cada',
    '8',
    'horas',
    'c/8h',
    '1-0-1',
    'por',
    '7 días',
    'si',
    'dolor',
  ],
  ...[
    'Rx:',
    '1.',
    '(',
    ')',
    '/',
    '-',
    '\n',
    ',',
    'VO',
    'bid',
    'PRN',
    'at 8 am',
    '1,000',
    '.5',
    '1/0',
    '0',
    'İ',
    'ñ',
    '🙂',
    'e\u0301',
  ],
)
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(' ')),
  fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
)

test('whatever the text, it is read without an error, and every field carries the piece of text it came from', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { medicines, unread } = readPrescription(text)
      for (const medicine of medicines) {
        for (const read of Object.values(medicine)) {
          if (read === null) continue
          const { start, end } = read.span
          assert.ok(0 <= start && start < end && end <= text.length)
          assert.equal(read.text, text.slice(start, end))
          assert.equal(new Set(read.doubts).size, read.doubts.length)
        }
        assert.equal(medicine.drug.value, medicine.drug.text, 'a name is never corrected')
      }
      for (const { start, end } of unread) assert.ok(0 <= start && start < end && end <= text.length)
    }),
    { numRuns: 600 },
  )
})

test('nothing is silently dropped: what no field carries is listed as unread', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { medicines, unread } = readPrescription(text)
      const spans = medicines.flatMap((medicine) => Object.values(medicine).flatMap((read) => read?.span ?? []))
      let rest = text
      for (const { start, end } of [...unread, ...spans]) {
        rest = rest.slice(0, start) + ' '.repeat(end - start) + rest.slice(end)
      }
      // Marks of items are left; there are no verbs among the pieces.
      assert.match(rest.replace(/[^a-z\d]+/gi, ' ').trim(), /^(?:(?:\d{1,2}|rx?|rp)(?: |$))*$/i)
    }),
    { numRuns: 600 },
  )
})

test('no text of twenty thousand characters takes long', () => {
  for (const text of [
    '1 1/2 tab cada 8 horas por 7 dias '.repeat(600),
    '1-'.repeat(10_000),
    'a '.repeat(10_000),
    'por la '.repeat(2_800),
  ]) {
    const started = performance.now()
    readPrescription(text)
    assert.ok(performance.now() - started < 3_000)
  }
})
