import { formOf } from '../../../client/catalog/form.ts'
import { type Encoding, textOf } from '../text-file.ts'

/** An entry of one of the lists by which Mexico's transport papers describe medicines. */
export interface ListEntry {
  list: 'form' | 'condition' | 'sector'
  code: string
  name: string
}

export type ListLine = { line: number } & ({ entry: ListEntry } | { rejected: string })

const lists: readonly (readonly [RegExp, ListEntry['list']])[] = [
  [/_formas_farmaceuticas$/, 'form'],
  [/_condiciones_especiales$/, 'condition'],
  [/_sectores_cofepris$/, 'sector'],
]
const insert = /^INSERT INTO "?(\w+)"? VALUES\('((?:[^']|'')*)','((?:[^']|'')*)'(?:,.*)?\);$/i
const around = /^(PRAGMA|BEGIN|COMMIT|CREATE|--|$)/i

/** A dump of SQLite, line by line. It is read, never run: only rows of the known tables are taken. */
export async function* readCofeprisLists(path: string, encoding: Encoding): AsyncGenerator<ListLine> {
  let line = 0
  for await (const text of linesOf(textOf(path, encoding))) {
    line++
    if (around.test(text)) continue
    const [, table = '', code = '', name = ''] = insert.exec(text) ?? []
    const list = lists.find(([pattern]) => pattern.test(table))?.[1]
    const plain = name.replaceAll("''", "'").trim()
    if (list === undefined) yield { line, rejected: 'not a row of a known list' }
    else if (!/^\d{2}$/.test(code) || plain === '' || plain.length > 200) yield { line, rejected: 'no code or no name' }
    else if (list === 'form' && formOf(plain) === undefined) yield { line, rejected: 'unknown form' }
    else yield { line, entry: { list, code, name: plain } }
  }
}

/** Longest line; a file without line breaks is no dump. */
const lineLimit = 100_000

async function* linesOf(pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split(/\r?\n/)
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > lineLimit) rest = rest.slice(0, lineLimit)
  }
  if (rest !== '') yield rest
}
