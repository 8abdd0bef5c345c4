import type { Rule } from '../rule.ts'
import { notReadOnly, readSql } from '../sql/statements.ts'
import { queriesOf } from './sql-valid.ts'

export const sqlReadOnly: Rule = {
  id: 'sql-read-only',
  severity: 'error',
  summary: 'Invariants, probes and metrics read the database by one query that changes nothing.',
  check: ({ plan }) =>
    queriesOf(plan).flatMap(({ path, sql }) => {
      const reading = readSql(sql)
      const why = 'problem' in reading ? undefined : notReadOnly(reading)
      if (why === undefined) return []
      return [
        { path, message: `This must be one query that only reads, but ${why}.`, fix: 'Write it as a single SELECT.' },
      ]
    }),
}
