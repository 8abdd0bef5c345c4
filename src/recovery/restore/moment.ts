import { failure } from '../../errors.ts'

const pattern = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,6})?(Z|[+-]\d{2}(?::?\d{2})?)?$/i

/**
 * A moment to restore to as a person writes it: RFC 3339, or as Postgres prints it (`2026-02-03 04:05:06.789+00`).
 * @returns milliseconds since the epoch, or 'latest'.
 * @throws MOMENT_UNREADABLE, MOMENT_WITHOUT_ZONE: which of several clocks was meant must not be guessed.
 */
export function parseMoment(text: string): 'latest' | number {
  if (text === 'latest') return 'latest'
  const match = pattern.exec(text.trim())
  const [, date, time, fraction = '', zone] = match ?? []
  if (!date || !time) throw failure('MOMENT_UNREADABLE', { text })
  if (!zone) throw failure('MOMENT_WITHOUT_ZONE', { text, example: `${date}T${time}Z` })
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  const at = Date.parse(`${date}T${time}${fraction.slice(0, 4)}${offset}`)
  // The language takes 30 February for 2 March; nobody means that.
  const day = Number(date.slice(8))
  const days = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate()
  if (!Number.isFinite(at) || day > days) throw failure('MOMENT_UNREADABLE', { text })
  return at
}
