import type { Value } from './listed.ts'

/*
 * OTLP 1 in JSON, as the specification maps it: ids in hexadecimal, 64-bit numbers as texts. Spans and lines are many: they are written as
 * text at once, without objects in between.
 */

/** Who speaks. */
export interface Speaker {
  service: string
  version: string | undefined
}

/** @param ms milliseconds since the epoch */
export function nanoseconds(ms: number): string {
  return `${Math.floor(ms * 1_000)}000`
}

/**
 * A whole body: who speaks, by what, and what is told.
 * @param kind in the plural, as OTLP's names begin: `resourceSpans`, `scopeSpans`
 * @param told elements of the list, written as JSON
 */
export function otlpBody(
  { service, version }: Speaker,
  kind: 'Spans' | 'Metrics' | 'Logs',
  list: string,
  told: readonly string[],
): string {
  const resource = attributesText({
    'service.name': service,
    ...(version === undefined ? {} : { 'service.version': version }),
  })
  return (
    `{"resource${kind}":[{"resource":{"attributes":[${resource}]},` +
    `"scope${kind}":[{"scope":{"name":"aval"},"${list}":[${told.join(',')}]}]}]}`
  )
}

/** Attributes, as the elements of their list. */
export function attributesText(values: Readonly<Record<string, Value>>): string {
  let text = ''
  for (const key in values) {
    const value = values[key]
    if (value === undefined) continue
    text += `${text === '' ? '' : ','}${beginningOf(key)}${valueText(value)}}`
  }
  return text
}

/** Names are of the plan's list, and so are few. */
const beginnings = new Map<string, string>()

function beginningOf(key: string): string {
  const known = beginnings.get(key)
  if (known !== undefined) return known
  const beginning = `{"key":${JSON.stringify(key)},"value":`
  beginnings.set(key, beginning)
  return beginning
}

function valueText(value: Value): string {
  if (typeof value === 'string') return `{"stringValue":${JSON.stringify(value)}}`
  if (typeof value === 'boolean') return `{"boolValue":${value}}`
  return Number.isSafeInteger(value) ? `{"intValue":"${value}"}` : `{"doubleValue":${value}}`
}
