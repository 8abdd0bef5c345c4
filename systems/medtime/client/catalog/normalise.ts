/** What decomposition does not turn into plain letters. */
const special: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  α: 'alfa',
  β: 'beta',
  γ: 'gamma',
  δ: 'delta',
  ε: 'epsilon',
  ω: 'omega',
  μ: 'u',
}

/**
 * The form in which names and queries are compared, on the server and on the phone: lower case letters a to z and digits in
 * words with one space between them. Accents, case and punctuation are gone; a decimal point or comma between digits is a
 * point.
 */
export function normalise(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/['’`]/g, '')
    .replace(/[^\x00-\x7f]/g, (character) => special[character] ?? ' ')
    .replace(/(\d)[.,](?=\d)/g, '$1\x00')
    .replace(/[^a-z0-9\x00]+/g, ' ')
    .replaceAll('\x00', '.')
    .trim()
}

/** Words of a normalised text. */
export function wordsOf(normalised: string): string[] {
  return normalised === '' ? [] : normalised.split(' ')
}
