import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { z } from 'zod'
import { normalise } from '../../client/catalog/normalise.ts'
import { ImportError } from './import-error.ts'
import { type Encoding, textOf } from './text-file.ts'

export interface Row {
  /** Where the row ends in the file, from 1. */
  line: number
  /** @throws ImportError when the table was not asked for this column */
  cell(column: string): string
}

export interface TableShape {
  path: string
  encoding: Encoding
  /** Columns that must be there, by the names in the first row; or every column in its order, where the file has no such row. */
  columns: readonly string[]
  /** Whether the first row names the columns. */
  named: boolean
  /** False where a quote is a letter like any other; as `named` unless told. */
  quoted?: boolean
  /** Found out unless told. */
  delimiter?: string
}

/** Longest row, in characters. */
const rowLimit = 1_000_000
/** Rows before the one with the names of the columns: exports begin with a title and a date. */
const preambleLimit = 30
const delimiters = [',', ';', '\t', '|']

const parsed = z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) })

/**
 * Reads a table row by row, however large: comma, semicolon, tab or bar; quotes, line breaks in cells, `sep=` and titles before the
 * names of the columns, as spreadsheets write them.
 * @throws ImportError when it is damaged or a column is missing
 */
export async function* readTable(shape: TableShape): AsyncGenerator<Row> {
  const { start, rest } = await begin(textOf(shape.path, shape.encoding))
  const told = /^sep=(.)\r?\n/i.exec(start)
  const delimiter = shape.delimiter ?? told?.[1] ?? likeliestDelimiter(start)
  const parser = parse({
    delimiter,
    quote: (shape.quoted ?? shape.named) ? '"' : null,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: rowLimit,
    from_line: told === null ? 1 : 2,
  })
  const fed = pipeline(Readable.from(joined(start, rest)), parser).catch(() => undefined)
  try {
    let places = shape.named ? undefined : placesIn(shape.columns, shape.columns)
    let before = 0
    for await (const item of parser) {
      const { record, info } = parsed.parse(item)
      if (places === undefined) {
        places = placesIn(record, shape.columns)
        if (places === undefined && ++before > preambleLimit) break
        continue
      }
      const known = places
      yield {
        line: info.lines,
        cell: (column) => {
          const place = known.get(column)
          if (place === undefined) throw new ImportError(`no column ${column} was asked for`)
          return (record[place] ?? '').trim()
        },
      }
    }
    if (places === undefined) throw new ImportError(`The file has no row with the columns ${shape.columns.join(', ')}`)
  } catch (thrown) {
    if (thrown instanceof CsvError) throw new ImportError(`The file is damaged: ${thrown.code}`)
    throw thrown
  } finally {
    parser.destroy()
    await fed
  }
}

/** Enough text to tell what the table is like, and what follows. */
async function begin(text: AsyncGenerator<string>): Promise<{ start: string; rest: AsyncGenerator<string> }> {
  let start = ''
  while (start.length < 4_096) {
    const { value, done } = await text.next()
    if (done === true) break
    start += value
  }
  return { start, rest: text }
}

async function* joined(start: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield start
  yield* rest
}

/** The one that stands most often outside quotes. */
function likeliestDelimiter(start: string): string {
  const bare = start.replace(/"[^"]*"/g, '')
  const count = (delimiter: string) => bare.split(delimiter).length
  return delimiters.toSorted((one, other) => count(other) - count(one))[0] ?? ','
}

/** Where each column stands; undefined when one is missing. Case, accents and line breaks in names do not matter. */
function placesIn(record: readonly string[], columns: readonly string[]): Map<string, number> | undefined {
  const names = record.map(normalise)
  const places = new Map(columns.map((column) => [column, names.indexOf(normalise(column))]))
  return [...places.values()].includes(-1) ? undefined : places
}
