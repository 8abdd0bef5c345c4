import { failure } from '../../errors.ts'
import { positionIn } from './position.ts'

/** A file as psql reads it: SQL, rows that follow a COPY, and commands of psql itself. */
export interface PsqlScript {
  /** The SQL alone. What was no SQL is blank, so that every statement keeps its line and column. */
  sql: string
  /** The rows of every `COPY ... FROM stdin`, in the order of these statements. */
  rows: string[]
}

/** Commands that change only what psql shows or how it goes on after an error, and those by which pg_dump shields its files. */
const harmless = new Set([
  ...['restrict', 'unrestrict', 'set', 'unset', 'echo', 'qecho', 'warn', 'timing', 'encoding', 'pset', 'x', 't', 'a'],
  ...['errverbose', 'conninfo', 'prompt', 'q', 'quit', '?', 'h', 'help'],
])

/** Either may be in the file only where it is written for psql. */
const marks = /\\|\bstdin\b/i
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const comment = /--[^\n]*/y
const plain = /'(?:[^']|'')*'?/y
const escaped = /'(?:\\[\s\S]|[^'\\]|'')*'?/y
const quoted = /"(?:[^"]|"")*"?/y
const dollar = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const command = /\\(\S*)([^\n]*)/y
const copyFromStdin = /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i

/**
 * Takes apart what psql would run.
 * @param file for the error's position
 * @throws MIGRATION_PSQL_COMMAND for a command that would do something
 */
export function readPsqlScript(text: string, file: string): PsqlScript {
  if (!marks.test(text)) return { sql: text, rows: [] }
  const rows: string[] = []
  const blanks: [from: number, to: number][] = []
  let statement = ''
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  const skip = (found: RegExpExecArray | null) => {
    at += found?.[0].length ?? 1
  }
  while (at < text.length) {
    const character = text[at]
    switch (character) {
      case '-':
        skip(match(comment))
        continue
      case '/':
        at = text[at + 1] === '*' ? endOfComment(text, at) : at + 1
        continue
      case "'":
        skip(match(plain))
        continue
      case '"':
        statement += ' x '
        skip(match(quoted))
        continue
      case '$':
        at = endOfDollarQuote(text, at, match(dollar)?.[0])
        continue
      case '\\': {
        const found = match(command)
        const name = found?.[1] ?? ''
        if (!harmless.has(name))
          throw failure(
            'MIGRATION_PSQL_COMMAND',
            { command: `\\${name}` },
            { where: { file, ...positionIn(text, at) } },
          )
        const from = at
        skip(found)
        blanks.push([from, at])
        continue
      }
      case ';': {
        at++
        if (copyFromStdin.test(statement)) {
          const from = text.indexOf('\n', at) + 1 || text.length
          const { data, end } = rowsFrom(text, from)
          rows.push(data)
          blanks.push([from, end])
          at = end
        }
        statement = ''
        continue
      }
      default: {
        const found = match(word)
        if (found === null) {
          // Only the beginning is looked at, and what a COPY names before its rows is short.
          if (statement.length < 10_000) statement += character
          at++
          continue
        }
        skip(found)
        if (/^e$/i.test(found[0]) && text[at] === "'") skip(match(escaped))
        else if (statement.length < 10_000) statement += found[0]
      }
    }
  }
  return { sql: blanked(text, blanks), rows }
}

/** Comments of Postgres hold further ones. */
function endOfComment(text: string, from: number): number {
  const border = /\/\*|\*\//g
  border.lastIndex = from
  for (let depth = 0; ; ) {
    const found = border.exec(text)
    if (found === null) return text.length
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return border.lastIndex
  }
}

function endOfDollarQuote(text: string, from: number, tag: string | undefined): number {
  if (tag === undefined) return from + 1
  const end = text.indexOf(tag, from + tag.length)
  return end === -1 ? text.length : end + tag.length
}

/** Rows end with `\.` on a line of its own, or with the file. */
function rowsFrom(text: string, from: number): { data: string; end: number } {
  const border = /^\\\.[^\S\n]*$/gm
  border.lastIndex = from
  const found = border.exec(text)
  return found === null
    ? { data: text.slice(from), end: text.length }
    : { data: text.slice(from, found.index), end: found.index + found[0].length }
}

function blanked(text: string, blanks: readonly (readonly [number, number])[]): string {
  let result = ''
  let at = 0
  for (const [from, to] of blanks) {
    result += text.slice(at, from) + text.slice(from, to).replace(/[^\n]/gu, ' ')
    at = to
  }
  return result + text.slice(at)
}
