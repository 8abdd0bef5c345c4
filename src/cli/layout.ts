/** Widest line of a table or a message: fits a terminal of ordinary width. */
export const lineWidth = 100

/**
 * Text broken at spaces into lines of at most `width` characters; a longer word stands alone on its line. What a paragraph
 * is indented by stands before each of its lines.
 */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const indent = /^ */.exec(paragraph)?.[0] ?? ''
    const lines: string[] = []
    let line = ''
    for (const word of paragraph.slice(indent.length).split(' ')) {
      if (line !== '' && indent.length + line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else {
        line = line === '' ? word : `${line} ${word}`
      }
    }
    return [...lines, line].map((each) => indent + each)
  })
}

export interface Column<Row> {
  title: string
  text(row: Row): string
  /** Wraps into what the other columns leave; others keep their width. One column of a table at most. */
  fills?: true
  /** Colour or weight, applied after the layout so that it does not count as width. */
  style?(text: string, row: Row): string
}

/** A table of at most `lineWidth` columns where the column that fills leaves room for it. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const texts = rows.map((row) => columns.map((column) => column.text(row)))
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((cells) => cells[index]?.length ?? 0)),
  )
  const gaps = 2 * (columns.length - 1)
  const fixed = columns.reduce((sum, { fills }, index) => sum + (fills ? 0 : (natural[index] ?? 0)), gaps)
  const widths = columns.map(({ fills }, index) =>
    fills ? Math.min(natural[index] ?? 0, Math.max(24, lineWidth - fixed)) : (natural[index] ?? 0),
  )
  const lineOf = (cells: readonly string[], row: Row | undefined): string =>
    columns
      .map(({ style }, index) => {
        const cell = cells[index] ?? ''
        const styled = style && row !== undefined && cell !== '' ? style(cell, row) : cell
        return index === columns.length - 1
          ? styled
          : styled + ' '.repeat(Math.max(0, (widths[index] ?? 0) - cell.length))
      })
      .join('  ')
      .trimEnd()
  const body = rows.flatMap((row, at) => {
    const cells = columns.map(({ fills }, index) => {
      const text = texts[at]?.[index] ?? ''
      return fills ? wrap(text, widths[index] ?? lineWidth) : [text]
    })
    const height = Math.max(...cells.map((lines) => lines.length))
    return Array.from({ length: height }, (_, line) =>
      lineOf(
        cells.map((lines) => lines[line] ?? ''),
        row,
      ),
    )
  })
  return [
    lineOf(
      columns.map(({ title }) => title.toUpperCase()),
      undefined,
    ),
    ...body,
  ].join('\n')
}
