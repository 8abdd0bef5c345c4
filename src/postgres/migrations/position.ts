/** A place in a text; both count from 1. Columns are characters as Postgres counts them (code points). */
export interface Position {
  line: number
  column: number
}

/** Line and column of a place in a text. @param offset in characters as Postgres counts them, from 0 */
export function positionIn(text: string, offset: number): Position {
  return advance({ line: 1, column: 1 }, [...text].slice(0, offset).join(''))
}

/** Where one stands after reading `text`, having begun at `from`. */
export function advance(from: Position, text: string): Position {
  const lines = text.split('\n')
  const last = [...(lines.at(-1) ?? '')].length
  return lines.length === 1
    ? { line: from.line, column: from.column + last }
    : { line: from.line + lines.length - 1, column: last + 1 }
}
