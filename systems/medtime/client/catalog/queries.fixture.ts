import type { Language } from './medicine.ts'

/** What people type, and what they mean: the answer that must come first, by its name in the language. */
export interface ExpectedAnswer {
  typed: string
  language: Language
  first: string
  /** The strength that must stand first. */
  strength?: string
}

const spanish: readonly (readonly [string, string, string?])[] = [
  // As it is written, and without accents or with capitals.
  ['paracetamol', 'Paracetamol'],
  ['PARACETAMOL', 'Paracetamol'],
  ['losartán', 'Losartán'],
  ['losartan', 'Losartán'],
  ['ácido fólico', 'Ácido fólico'],
  ['acido folico', 'Ácido fólico'],
  ['  metformina  ', 'Metformina'],
  // Half typed.
  ['losar', 'Losartán'],
  ['omepr', 'Omeprazol'],
  ['amoxi', 'Amoxicilina'],
  ['metfor', 'Metformina'],
  ['insulina glar', 'Insulina glargina'],
  ['levotir', 'Levotiroxina'],
  // Mistyped.
  ['parasetamol', 'Paracetamol'],
  ['ivuprofeno', 'Ibuprofeno'],
  ['omeprasol', 'Omeprazol'],
  ['metfromina', 'Metformina'],
  ['amoxisilina', 'Amoxicilina'],
  ['lorsartan', 'Losartán'],
  ['atorbastatina', 'Atorvastatina'],
  ['clonasepam', 'Clonazepam'],
  ['salbutmol', 'Salbutamol'],
  // Brands.
  ['tylenol', 'Paracetamol'],
  ['cozaar', 'Losartán'],
  ['glucophage', 'Metformina'],
  ['advil', 'Ibuprofeno'],
  ['buscapina', 'Butilhioscina'],
  ['rivotril', 'Clonazepam'],
  ['augmentin', 'Amoxicilina + ácido clavulánico'],
  ['ventolin', 'Salbutamol'],
  // Other names, other languages.
  ['acetaminofén', 'Paracetamol'],
  ['acetaminophen', 'Paracetamol'],
  ['aspirina', 'Ácido acetilsalicílico'],
  ['adrenalina', 'Epinefrina'],
  ['dipirona', 'Metamizol'],
  ['albuterol', 'Salbutamol'],
  ['vitamina b12', 'Cianocobalamina'],
  ['suero oral', 'Vida suero oral'],
  // With salt, strength and form.
  ['losartan 50', 'Losartán', '50 mg'],
  ['losartán potásico 100mg', 'Losartán', '100 mg'],
  ['paracetamol 1 g', 'Paracetamol', '1 g'],
  ['metformina 850 mg tabletas', 'Metformina', '850 mg'],
  ['diclofenaco sodico 75', 'Diclofenaco', '75 mg'],
  ['amoxicilina 250 mg/5 ml suspension', 'Amoxicilina'],
  ['levotiroxina 100 mcg', 'Levotiroxina', '100 mcg'],
  ['clavulanico amoxicilina', 'Amoxicilina + ácido clavulánico'],
]

export const expectedAnswers: readonly ExpectedAnswer[] = [
  ...spanish.map(([typed, first, strength]) => ({
    typed,
    language: 'es' as const,
    first,
    ...(strength === undefined ? {} : { strength }),
  })),
  { typed: 'paracetamol', language: 'en', first: 'Acetaminophen' },
  { typed: 'ibuprofeno', language: 'en', first: 'Ibuprofen' },
  { typed: 'varfarina', language: 'en', first: 'Warfarin' },
  { typed: 'losartan', language: 'pt', first: 'Losartana' },
  { typed: 'warfarin', language: 'pt', first: 'Varfarina' },
  { typed: 'dipirona 500', language: 'pt', first: 'Dipirona', strength: '500 mg' },
]
