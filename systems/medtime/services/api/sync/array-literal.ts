/*
 * Arrays as Postgres writes them. The driver would look at every element; a push has hundreds, whose forms are known.
 */

/** Of numbers, truth values, UUIDs or hex: nothing that needs quoting. */
export function plainArrayOf(values: readonly (string | number | boolean)[]): string {
  return `{${values.join(',')}}`
}

/** Of any text. */
export function arrayOf(values: readonly string[]): string {
  return `{${values.map(quote).join(',')}}`
}

function quote(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`
}
