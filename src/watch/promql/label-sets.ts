import type { Labels } from '../series.ts'

/* Sets of labels as PromQL compares, keeps and drops them. */

export const metricName = '__name__'

/** One text for one set of labels; for maps within one evaluation only. */
export function keyOf(labels: Labels): string {
  let key = ''
  for (const name of Object.keys(labels).sort()) key += `${name}\u0001${labels[name]}\u0002`
  return key
}

/** What two series must have in common: the named labels alone (`on`), or all but the named and the name of the metric. */
export function signatureOf(labels: Labels, on: boolean, names: readonly string[]): string {
  if (!on) return keyOf(omitting(labels, [...names, metricName]))
  let key = ''
  for (const name of names) key += `${labels[name] ?? ''}\u0001`
  return key
}

export function keeping(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = {}
  for (const name of names) {
    const value = labels[name]
    if (value !== undefined && value !== '') kept[name] = value
  }
  return kept
}

export function omitting(labels: Labels, names: readonly string[]): Labels {
  const kept: Record<string, string> = {}
  for (const name in labels) {
    const value = labels[name]
    if (value !== undefined && !names.includes(name)) kept[name] = value
  }
  return kept
}

export function withoutName(labels: Labels): Labels {
  return omitting(labels, [metricName])
}

/** With one label set; an empty value takes it away. */
export function setting(labels: Labels, name: string, value: string): Labels {
  return value === '' ? omitting(labels, [name]) : { ...labels, [name]: value }
}

/** Whether a text may name a label. */
export function isLabelName(text: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text)
}
