import type { CreatePolicyStmt } from 'libpg-query'

/**
 * The columns of its table that a policy holds against who is speaking: `tenant = current_setting('app.tenant')`, `auth.uid() = owner`,
 * `team IN (SELECT … auth.uid())`, `is_member(team)`, or by the name of the table within a subquery.
 */
export function policyColumns({ table, qual, with_check }: CreatePolicyStmt): ReadonlySet<string> {
  const own = table?.relname ?? ''
  return new Set([qual, with_check].flatMap((condition) => columnsHeld(condition, own)))
}

function columnsHeld(condition: unknown, own: string): string[] {
  if (!isNode(condition)) return []
  const { BoolExpr, A_Expr, SubLink, FuncCall } = condition
  if (isNode(BoolExpr)) return listOf(BoolExpr['args']).flatMap((each) => columnsHeld(each, own))
  if (isNode(A_Expr)) {
    const { lexpr, rexpr } = A_Expr
    return [...held(lexpr, rexpr), ...held(rexpr, lexpr), ...columnsHeld(lexpr, own), ...columnsHeld(rexpr, own)]
  }
  if (isNode(FuncCall)) return listOf(FuncCall['args']).flatMap((each) => columnOf(each) ?? [])
  if (isNode(SubLink)) {
    const { testexpr, subselect } = SubLink
    const selected = listOf(
      isNode(subselect) && isNode(subselect['SelectStmt']) ? subselect['SelectStmt']['targetList'] : [],
    )
    return [
      ...held(testexpr, subselect),
      ...qualified(subselect, own),
      // `(SELECT is_member(team))`, as it is written so that it runs once.
      ...selected.flatMap((each) =>
        isNode(each) && isNode(each['ResTarget']) ? columnsHeld(each['ResTarget']['val'], own) : [],
      ),
    ]
  }
  return []
}

/** The column on one side, where the other asks a function, as every way to learn who is speaking does. */
function held(side: unknown, other: unknown): string[] {
  const column = columnOf(side)
  return column !== undefined && columnOf(other) === undefined && asksFunction(other) ? [column] : []
}

function columnOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  const { TypeCast, ColumnRef } = node
  if (isNode(TypeCast)) return columnOf(TypeCast['arg'])
  return isNode(ColumnRef) ? wordsOf(ColumnRef['fields']).at(-1) : undefined
}

function asksFunction(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asksFunction)
  if (!isNode(value)) return false
  return 'FuncCall' in value || 'SQLValueFunction' in value || Object.values(value).some(asksFunction)
}

function qualified(value: unknown, own: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => qualified(each, own))
  if (!isNode(value)) return []
  if (isNode(value['ColumnRef'])) {
    const words = wordsOf(value['ColumnRef']['fields'])
    return words.length > 1 && words.at(-2) === own ? words.slice(-1) : []
  }
  return Object.values(value).flatMap((each) => qualified(each, own))
}

function wordsOf(fields: unknown): string[] {
  return listOf(fields).flatMap((field) => {
    const word = isNode(field) && isNode(field['String']) ? field['String']['sval'] : undefined
    return typeof word === 'string' ? [word] : []
  })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isNode(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
