import { styleText } from 'node:util'
import type { Problem } from '../check/rule.ts'
import { formatLocation } from '../errors.ts'
import { lineWidth, wrap } from './layout.ts'

/** A problem as people read it: where, how grave, which rule, what is wrong, what to write instead. */
export function tellProblem({ rule, severity, message, fix, where }: Problem, file: string): string {
  const colour = severity === 'error' ? 'red' : 'yellow'
  const head = `${formatLocation({ ...where, file })}  ${styleText(colour, severity)}  ${rule}`
  const lines = [...wrap(message, lineWidth - 2), ...wrap(`Fix: ${fix}`, lineWidth - 2)]
  return [head, ...lines.map((line) => `  ${line}`)].join('\n')
}
