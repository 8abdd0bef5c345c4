/**
 * The text in lower case and without accents, one character for each: a place in it is the same place in the text. Dashes and
 * quotes become the plain ones.
 */
export function fold(text: string): string {
  let folded = ''
  for (let index = 0; index < text.length; index++) folded += foldUnit(text.charAt(index))
  return folded
}

const plain: Readonly<Record<string, string>> = {
  '–': '-',
  '—': '-',
  '−': '-',
  '’': "'",
  '‘': "'",
  '×': 'x',
  µ: 'u',
  μ: 'u',
  '\u00a0': ' ',
  '\t': ' ',
}

function foldUnit(unit: string): string {
  const known = plain[unit]
  if (known !== undefined) return known
  if (unit <= '~') return unit.toLowerCase()
  // The letter of a decomposition comes first, its accents after it.
  const [letter = unit] = unit.normalize('NFD').toLowerCase()
  return letter.length === 1 ? letter : unit
}
