import type { Statement } from './statement.ts'

/** What is committed at once. `doneAfter` counts the statements of the file that are behind us then. */
export type Step =
  | { manner: 'transaction'; doneAfter: number; statements: readonly Statement[] }
  | { manner: 'outside'; doneAfter: number; statement: Statement }

/**
 * Groups the statements of a file into steps: as many as may be together in one transaction, the others one by one.
 * @param from statements that were done in an earlier attempt
 * @param outside further statements, by index, that Postgres has refused in a transaction
 */
export function stepsOf(statements: readonly Statement[], from: number, outside: ReadonlySet<number>): Step[] {
  const steps: Step[] = []
  let group: Statement[] = []
  const close = () => {
    const last = group.at(-1)
    if (last) steps.push({ manner: 'transaction', doneAfter: last.index + 1, statements: group })
    group = []
  }
  for (const statement of statements.slice(from)) {
    const doneAfter = statement.index + 1
    if (statement.manner === 'outside' || outside.has(statement.index)) {
      close()
      steps.push({ manner: 'outside', doneAfter, statement })
    } else if (statement.manner === 'together') {
      group.push(statement)
    } else {
      close()
      if (statement.manner === 'by itself') steps.push({ manner: 'transaction', doneAfter, statements: [statement] })
    }
  }
  close()
  return steps
}
