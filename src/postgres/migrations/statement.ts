import type { Node } from 'libpg-query'
import { hasSqlDetails, parse } from 'libpg-query'
import { failure } from '../../errors.ts'
import { otherDialect } from './other-dialect.ts'
import { advance, type Position, positionIn } from './position.ts'
import { readPsqlScript } from './psql-script.ts'

/** How a statement may be run. */
export type Manner =
  /** With its neighbours in one transaction. */
  | 'together'
  /** In a transaction of its own: what it adds may not be used before it is committed. */
  | 'by itself'
  /** In no transaction block at all. */
  | 'outside'
  /** BEGIN and COMMIT: the file's own idea of where a transaction begins and ends. */
  | 'border'

export interface Statement {
  /** Counts from 0 over all statements of the file. */
  index: number
  text: string
  /** Where its first word stands in the file; both count from 1. */
  line: number
  column: number
  manner: Manner
  node: Node | undefined
  /** What `COPY ... FROM stdin` takes in; undefined for every other statement. */
  rows?: string | undefined
}

/**
 * Splits a file with Postgres's own grammar.
 * @param file for the error's position
 * @throws MIGRATION_SYNTAX, MIGRATION_OTHER_DIALECT, MIGRATION_PSQL_COMMAND, MIGRATION_TRANSACTION_CONTROL
 */
export async function statementsOf(text: string, file: string): Promise<Statement[]> {
  const { sql, rows } = readPsqlScript(text, file)
  if (sql.trim() === '') return []
  const parsed = await parse(sql).catch((error: unknown) => {
    if (!hasSqlDetails(error)) throw error
    const position = positionIn(sql, error.sqlDetails?.cursorPosition ?? 0)
    const other = otherDialect(sql)
    if (other !== undefined)
      throw failure(
        'MIGRATION_OTHER_DIALECT',
        { ...other },
        { where: { file, ...positionIn(sql, other.at) }, cause: error },
      )
    throw failure('MIGRATION_SYNTAX', { problem: error.message }, { where: { file, ...position }, cause: error })
  })
  // The grammar counts bytes of UTF-8.
  const bytes = Buffer.from(sql)
  let position: Position = { line: 1, column: 1 }
  let reached = 0
  const copies = rows.values()
  return (parsed.stmts ?? []).map(({ stmt: node, stmt_location: start = 0, stmt_len: length }, index) => {
    position = advance(position, bytes.subarray(reached, start).toString())
    reached = start
    const text = bytes.subarray(start, length === undefined ? undefined : start + length).toString()
    const manner = node === undefined ? 'together' : mannerOf(node)
    if (manner === undefined) {
      throw failure('MIGRATION_TRANSACTION_CONTROL', { statement: summary(text) }, { where: { file, ...position } })
    }
    // One without rows behind it fails as soon as it runs, rather than wait for them.
    const data = node !== undefined && takesRows(node) ? copies.next().value : undefined
    return { index, text, ...position, manner, node, ...(data === undefined ? {} : { rows: data }) }
  })
}

function takesRows(node: Node): boolean {
  return 'CopyStmt' in node && node.CopyStmt.is_from === true && node.CopyStmt.filename === undefined
}

/** The beginning of a statement, on one line. */
export function summary(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ')
  return line.length > 70 ? `${line.slice(0, 67)}...` : line
}

/** Undefined for what would end Aval's own transaction and undo what it keeps count of. */
function mannerOf(node: Node): Manner | undefined {
  if ('TransactionStmt' in node) {
    const { kind, chain } = node.TransactionStmt
    switch (kind) {
      case 'TRANS_STMT_BEGIN':
      case 'TRANS_STMT_START':
        return 'border'
      case 'TRANS_STMT_COMMIT':
        return chain === true ? undefined : 'border'
      case 'TRANS_STMT_SAVEPOINT':
      case 'TRANS_STMT_RELEASE':
      case 'TRANS_STMT_ROLLBACK_TO':
        return 'together'
      default:
        return undefined
    }
  }
  if ('AlterEnumStmt' in node && node.AlterEnumStmt.oldVal === undefined) return 'by itself'
  return needsNoTransaction(node) ? 'outside' : 'together'
}

/** Statements Postgres refuses in a transaction block. One this list lacks is found out when Postgres says so. */
function needsNoTransaction(node: Node): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true
  if ('DropStmt' in node) return node.DropStmt.concurrent === true
  if ('ReindexStmt' in node) {
    const { kind, params } = node.ReindexStmt
    const whole =
      kind === 'REINDEX_OBJECT_SCHEMA' || kind === 'REINDEX_OBJECT_SYSTEM' || kind === 'REINDEX_OBJECT_DATABASE'
    return whole || (params ?? []).some((each) => 'DefElem' in each && each.DefElem.defname === 'concurrently')
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd === true
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined
  if ('AlterTableStmt' in node) {
    return (node.AlterTableStmt.cmds ?? []).some((each) => {
      const definition = 'AlterTableCmd' in each ? each.AlterTableCmd.def : undefined
      return definition !== undefined && 'PartitionCmd' in definition && definition.PartitionCmd.concurrent === true
    })
  }
  return outsideOnly.some((kind) => kind in node)
}

const outsideOnly = [
  'CreatedbStmt',
  'DropdbStmt',
  'CreateTableSpaceStmt',
  'DropTableSpaceStmt',
  'AlterSystemStmt',
  'CreateSubscriptionStmt',
  'DropSubscriptionStmt',
]
