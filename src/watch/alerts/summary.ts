import type { Labels } from '../series.ts'
import { figure } from './reading.ts'

const placeholder = /\{\{\s*([A-Za-z_]\w*)\s*\}\}/g

/**
 * A summary with the figure and the values of listed labels in their places, and nothing else: a name that is no label of the
 * instance becomes `other`, and what was filled in is not read again.
 * @param labels only such as passed the plan's list.
 */
export function filledSummary(summary: string, labels: Labels, value: number): string {
  return summary.replace(placeholder, (_, name: string) => {
    if (name === 'value') return figure(value)
    return Object.hasOwn(labels, name) ? (labels[name] ?? 'other') : 'other'
  })
}
