import type { Language } from './medicine.ts'
import { normalise, wordsOf } from './normalise.ts'

/** What a medicine is made up as, in the three languages of the catalog. */
export const formNames = {
  tablet: { es: 'Tableta', en: 'Tablet', pt: 'Comprimido' },
  capsule: { es: 'Cápsula', en: 'Capsule', pt: 'Cápsula' },
  suspension: { es: 'Suspensión', en: 'Suspension', pt: 'Suspensão' },
  syrup: { es: 'Jarabe', en: 'Syrup', pt: 'Xarope' },
  drops: { es: 'Gotas', en: 'Drops', pt: 'Gotas' },
  emulsion: { es: 'Emulsión', en: 'Emulsion', pt: 'Emulsão' },
  injection: { es: 'Inyectable', en: 'Injection', pt: 'Injetável' },
  solution: { es: 'Solución', en: 'Solution', pt: 'Solução' },
  cream: { es: 'Crema', en: 'Cream', pt: 'Creme' },
  ointment: { es: 'Ungüento', en: 'Ointment', pt: 'Pomada' },
  gel: { es: 'Gel', en: 'Gel', pt: 'Gel' },
  lotion: { es: 'Loción', en: 'Lotion', pt: 'Loção' },
  paste: { es: 'Pasta', en: 'Paste', pt: 'Pasta' },
  shampoo: { es: 'Champú', en: 'Shampoo', pt: 'Xampu' },
  foam: { es: 'Espuma', en: 'Foam', pt: 'Espuma' },
  patch: { es: 'Parche', en: 'Patch', pt: 'Adesivo' },
  suppository: { es: 'Supositorio', en: 'Suppository', pt: 'Supositório' },
  pessary: { es: 'Óvulo', en: 'Pessary', pt: 'Óvulo' },
  inhaler: { es: 'Inhalador', en: 'Inhaler', pt: 'Inalador' },
  aerosol: { es: 'Aerosol', en: 'Aerosol', pt: 'Aerossol' },
  gas: { es: 'Gas medicinal', en: 'Medical gas', pt: 'Gás medicinal' },
  implant: { es: 'Implante', en: 'Implant', pt: 'Implante' },
  lozenge: { es: 'Pastilla', en: 'Lozenge', pt: 'Pastilha' },
  granules: { es: 'Granulado', en: 'Granules', pt: 'Granulado' },
  powder: { es: 'Polvo', en: 'Powder', pt: 'Pó' },
} as const satisfies Record<string, Record<Language, string>>

export type FormCode = keyof typeof formNames

/**
 * Words that tell a form, in the order they are looked for: powder for injection is an injection, a suspension of drops is a
 * suspension. A form without a word here is not known.
 */
const formWords: readonly (readonly [FormCode, readonly string[]])[] = [
  ['inhaler', ['inhaler', 'inhalador', 'inalador', 'inhalation', 'inhalacion', 'inalacao', 'inhalant']],
  ['injection', words('injection injectable injections inyectable inyeccion injetavel injecao syringe vial ampolleta')],
  ['injection', words('ampolla ampola subcutaneous intravenous intramuscular pen cartridge infusion')],
  ['drops', words('drops gotas drop')],
  ['suspension', words('suspension suspensao')],
  ['syrup', words('syrup jarabe xarope elixir')],
  ['emulsion', words('emulsion emulsao')],
  [
    'tablet',
    words('tablet tablets tableta tabletas comprimido comprimidos gragea grageas tab tabs pastilla pastillas'),
  ],
  ['capsule', words('capsule capsules capsula capsulas cap caps')],
  ['cream', words('cream crema creme')],
  ['ointment', words('ointment unguento pomada')],
  ['gel', words('gel jelly')],
  ['lotion', words('lotion locion locao')],
  ['paste', words('paste pasta')],
  ['shampoo', words('shampoo champu xampu')],
  ['foam', words('foam espuma')],
  ['patch', words('patch patches parche parches adesivo transdermal film')],
  ['suppository', words('suppository suppositories supositorio supositorios')],
  ['pessary', words('pessary ovulo ovulos vaginal')],
  ['implant', words('implant implante')],
  ['lozenge', words('lozenge troche pastilha')],
  ['granules', words('granules granule granulado granulos pellets')],
  ['aerosol', words('aerosol aerossol spray')],
  ['gas', words('gas')],
  ['solution', words('solution solucion solucao liquid')],
  ['powder', words('powder polvo po')],
]
const codes = new Map(formWords.flatMap(([code, known]) => known.map((word) => [word, code])))
const order = [...new Set(formWords.map(([code]) => code))]

/** The form that a text speaks of; undefined when it speaks of none that is known. */
export function formOf(text: string): FormCode | undefined {
  const found = new Set(wordsOf(normalise(text)).flatMap((word) => codes.get(word) ?? []))
  return order.find((code) => found.has(code))
}

/** The form one word of a normalised text stands for. */
export function formOfWord(word: string): FormCode | undefined {
  return codes.get(word)
}

function words(text: string): string[] {
  return text.split(' ')
}
