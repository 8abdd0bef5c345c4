import { DatabaseError } from 'pg'
import { type AvalError, failure, messageOf } from '../../errors.ts'
import type { Migration } from './migration.ts'
import { advance } from './position.ts'
import { type Statement, summary } from './statement.ts'

/** What a person reads when a statement fails. @param aftermath what is done and what the next attempt does */
export function statementFailure(
  migration: Migration,
  statement: Statement,
  count: number,
  aftermath: string,
  error: unknown,
): AvalError {
  const hint =
    error instanceof DatabaseError && error.hint ? `Postgres's hint: ${error.hint} ` : hintOn(statement, error)
  const code = error instanceof DatabaseError && error.code ? ` (${error.code})` : ''
  return failure(
    'MIGRATION_FAILED',
    {
      name: migration.name,
      number: statement.index + 1,
      count,
      statement: summary(statement.text),
      reason: `${withoutValues(error)}${code}`,
      hint,
      aftermath,
    },
    { where: { file: migration.file, ...place(statement, error) }, cause: error },
  )
}

/** Roles are of the whole server, so that a file that makes one finds it there: from the plan, or from another database. */
function hintOn({ text }: Statement, error: unknown): string {
  const isThere = error instanceof DatabaseError && error.code === '42710'
  return isThere && /\bCREATE\s+(ROLE|USER|GROUP)\b/i.test(text)
    ? 'Aval makes the roles that the plan names before it migrates, and every database of a server shares them: make it only where it is missing (docs/your-own.md). '
    : ''
}

function place(statement: Statement, error: unknown): { line: number; column: number } {
  const offset = error instanceof DatabaseError ? Number(error.position) : Number.NaN
  if (!(offset >= 1)) return { line: statement.line, column: statement.column }
  const before = [...statement.text].slice(0, offset - 1).join('')
  return advance({ line: statement.line, column: statement.column }, before)
}

/** Data exceptions (class 22) quote the value that would not fit, which may be a person's. */
function withoutValues(error: unknown): string {
  const message = messageOf(error)
  return error instanceof DatabaseError && error.code?.startsWith('22') === true
    ? message.replace(/: ".*"/s, ': "..."')
    : message
}
