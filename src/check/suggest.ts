import { nearest } from '../plan/nearest.ts'

/** What to write in place of a name that is not among those known: the closest, or how to add it. */
export function suggest(written: string, known: Iterable<string>, otherwise: string): string {
  const names = [...known]
  const close = nearest(written, names)
  if (close !== undefined) return `Did you mean "${close}"? Otherwise ${lowerFirst(otherwise)}`
  return names.length > 0 && names.length <= 12 ? `${otherwise} Known are: ${names.join(', ')}.` : otherwise
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
