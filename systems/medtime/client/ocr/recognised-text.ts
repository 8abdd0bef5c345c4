import type { Span } from './span.ts'

/** Text with how sure the engine was of each word, 0 to 100. */
export interface RecognisedText {
  text: string
  words: RecognisedWord[]
}

export interface RecognisedWord extends Span {
  confidence: number
}

/** Longer than any prescription; what follows is left out. */
const mostCharacters = 20_000

/**
 * What the engine's table of words says: one line of tabs for each word, with the numbers of its block, paragraph and line, and
 * how sure the engine is. Lines of the page become lines of the text.
 */
export function readTsv(table: string): RecognisedText {
  let text = ''
  let line = ''
  const words: RecognisedWord[] = []
  for (const row of table.split('\n')) {
    const [level, page, block, paragraph, number, , , , , , confidence, word = ''] = row.split('\t')
    const read = word.trim().normalize('NFC')
    if (level !== '5' || read === '') continue
    const here = [page, block, paragraph, number].join(' ')
    if (text !== '') text += here === line ? ' ' : '\n'
    line = here
    const start = text.length
    if (start + read.length > mostCharacters) break
    text += read
    words.push({ start, end: text.length, confidence: Math.max(0, Math.min(100, Math.round(Number(confidence) || 0))) })
  }
  return { text: text.trimEnd(), words }
}
