/** Longest name of one substance: beyond it the text is a description. */
const nameLimit = 200
const ingredientLimit = 40

/** Names of substances from a cell; undefined when there is none, or what stands there is no list of names. */
export function ingredientsOf(text: string, separator: RegExp): string[] | undefined {
  const names = text
    .split(separator)
    .map((name) => name.replace(/\s+/g, ' ').trim())
    .filter((name) => /\p{L}/u.test(name))
  const sound = names.length > 0 && names.length <= ingredientLimit && names.every((name) => name.length <= nameLimit)
  return sound ? names : undefined
}

/** Codes of the ATC classification among others; what is not yet assigned is none. */
export function atcCodes(text: string): string[] {
  return text.split(/[;,\s]+/).filter((code) => /^[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?$/.test(code))
}

/** `LOSARTAN POTASSIUM` as `Losartan potassium`. What is written with small letters is left as it is, but for the first. */
export function asName(text: string): string {
  const lower = /\p{Ll}/u.test(text) ? text : text.toLowerCase()
  return lower.charAt(0).toUpperCase() + lower.slice(1)
}
