import { type Column, cannotEvaluate, mergeBySteps } from './columns.ts'
import { setting } from './label-sets.ts'
import { wholePattern } from './pattern.ts'

/** `label_replace`: where the pattern fits the whole value of `source`, `target` becomes the replacement. */
export function labelReplace(
  columns: readonly Column[],
  [target = '', replacement = '', source = '', pattern = '']: readonly string[],
): Column[] {
  const expression = wholePattern(pattern)
  if (!(expression instanceof RegExp))
    throw cannotEvaluate(`The pattern of label_replace cannot be read: ${expression.problem}.`)
  return mergeBySteps(
    columns.map((column) => {
      const match = expression.exec(column.labels[source] ?? '')
      return match ? { ...column, labels: setting(column.labels, target, expanded(replacement, match)) } : column
    }),
  )
}

/** Go's templates: `$1`, `$name`, `${name}` and `$$`; the longest name counts, an unknown one is empty. */
function expanded(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:(\$)|\{(\w+)\}|(\w+))/g, (_, dollar?: string, braced?: string, bare?: string) => {
    if (dollar) return '$'
    const name = braced ?? bare ?? ''
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? ''
  })
}

/** `label_join`: `target` becomes the values of the sources with the separator between them. */
export function labelJoin(
  columns: readonly Column[],
  [target = '', separator = '', ...sources]: readonly string[],
): Column[] {
  return mergeBySteps(
    columns.map((column) => {
      const value = sources.map((source) => column.labels[source] ?? '').join(separator)
      return { ...column, labels: setting(column.labels, target, value) }
    }),
  )
}
