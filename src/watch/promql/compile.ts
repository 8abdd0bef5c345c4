import { isQuery, parsePromql } from '../../check/promql/parse.ts'
import type { Expr } from './ast.ts'
import type { ValueType } from './functions.ts'
import { readQuery } from './read.ts'
import { Refusal } from './refusal.ts'
import { checkTypes, typeOf } from './types.ts'

/** A query that was read and whose types fit; made by `compileQuery` only. */
export interface CompiledQuery {
  text: string
  expr: Expr
  /** What it gives: a condition of an alert is a vector or a scalar. */
  type: ValueType
}

/** Why a text is no query here, and the character, counted from 1, where that shows. */
export interface QueryProblem {
  problem: string
  at: number
}

/** Reads a PromQL text. Whatever cannot be evaluated as Prometheus 2.42 does is refused here, never during the evaluation. */
export function compileQuery(text: string): CompiledQuery | QueryProblem {
  const parsed = parsePromql(text)
  if (!isQuery(parsed)) return unknownFunction(text, parsed.at) ?? parsed
  try {
    const expr = readQuery(parsed)
    checkTypes(expr)
    return { text, expr, type: typeOf(expr) }
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message, at: error.offset + 1 }
    throw error
  }
}

/** The grammar stops at the parenthesis after a name it does not know; the name is what is wrong. */
function unknownFunction(text: string, at: number): QueryProblem | undefined {
  const name = /[a-z_]\w*(?=\s*$)/i.exec(text.slice(0, at - 1))
  if (!name || text[at - 1] !== '(') return undefined
  return { problem: `The function "${name[0]}" is not supported.`, at: name.index + 1 }
}

export function isCompiled(compiled: CompiledQuery | QueryProblem): compiled is CompiledQuery {
  return 'expr' in compiled
}
