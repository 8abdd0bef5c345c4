import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'

/** What a process gave out that the plan does not list, each once. */
export function unlistedMetrics(plan: Plan, service: string, text: string): string[] {
  const { metrics, labels } = plan.telemetry
  const found = new Set<string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const read = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s/.exec(line)
    if (read === null) {
      found.add(`${service} answers a line of metrics that cannot be read`)
      continue
    }
    const [, name = '', written = ''] = read
    const base = name.replace(/_(bucket|sum|count)$/, '')
    const entry = metrics[name] ?? (metrics[base]?.type === 'histogram' ? metrics[base] : undefined)
    if (entry === undefined || !entry.emittedBy.includes(service)) {
      found.add(`${service} emits ${name}, which the plan does not list for it`)
      continue
    }
    for (const [, label = '', value = ''] of written.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      if (label === 'le' && entry.type === 'histogram') continue
      if (!entry.labels.includes(label))
        found.add(`${service} labels ${name} with ${label}, which the plan does not list`)
      else if (value !== 'other' && !labels[label]?.includes(value))
        found.add(`${service} gives label ${label} of ${name} a value that the plan does not list`)
    }
  }
  return [...found]
}

/** Fields of the lines of services' logs that the plan does not list, each once. Lines that are no JSON object are told as such. */
export function unlistedFields(plan: Plan, lines: readonly ServiceLine[]): string[] {
  const listed = new Set(plan.telemetry.logs?.fields ?? [])
  const found = new Set<string>()
  for (const { service, text } of lines) {
    const line = parsed(text)
    if (line === undefined) found.add(`${service} logs a line that is no JSON object`)
    else
      for (const field of Object.keys(line))
        if (!listed.has(field)) found.add(`${service} logs a field that the plan does not list`)
  }
  return [...found]
}

const spansSchema = z.object({
  resourceSpans: z.array(
    z.object({
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({ name: z.string(), attributes: z.array(z.object({ key: z.string() })).default([]) }),
          ),
        }),
      ),
    }),
  ),
})

/** Names and attributes of spans that the plan does not list, each once. @param bodies deliveries by OTLP/HTTP in JSON, those of metrics among them */
export function unlistedSpans(plan: Plan, bodies: readonly string[]): string[] {
  const { spans: names = [], attributes = [] } = plan.telemetry.traces ?? {}
  const found = new Set<string>()
  for (const body of bodies) {
    const read = parsed(body)
    if (read !== undefined && 'resourceMetrics' in read) continue
    const spans = spansSchema
      .safeParse(read)
      .data?.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    if (spans === undefined) found.add('a delivery of spans that cannot be read')
    for (const span of spans ?? []) {
      if (!names.includes(span.name)) found.add('a span has a name that the plan does not list')
      for (const { key } of span.attributes)
        if (!attributes.includes(key)) found.add('a span has an attribute that the plan does not list')
    }
  }
  return [...found]
}

const linesSchema = z.object({
  resourceLogs: z.array(
    z.object({
      scopeLogs: z.array(
        z.object({
          logRecords: z.array(
            z.object({
              body: z.object({ stringValue: z.string() }),
              attributes: z.array(z.object({ key: z.string() })).default([]),
            }),
          ),
        }),
      ),
    }),
  ),
})

/** Events and fields of lines that the plan does not list, each once. @param bodies deliveries by OTLP/HTTP in JSON */
export function unlistedLines(plan: Plan, bodies: readonly string[]): string[] {
  const { events = [], fields = [] } = plan.telemetry.logs ?? {}
  const found = new Set<string>()
  for (const body of bodies) {
    const lines = linesSchema
      .safeParse(parsed(body))
      .data?.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    if (lines === undefined) found.add('a delivery of lines that cannot be read')
    for (const line of lines ?? []) {
      if (!events.includes(line.body.stringValue))
        found.add('a line that was sent has words that the plan does not list')
      for (const { key } of line.attributes)
        if (!fields.includes(key)) found.add('a line that was sent has a field that the plan does not list')
    }
  }
  return [...found]
}

const eventSchema = z.object({
  tags: z.record(z.string(), z.unknown()).default({}),
  exception: z.object({ values: z.array(z.record(z.string(), z.unknown())) }).optional(),
})
/** What the envelope of a report needs beside what the plan lists: what stands for the class of an exception, and its frames. */
const exceptionMembers = ['type', 'stacktrace', 'module', 'mechanism']
const eventMembers = [
  'event_id',
  'timestamp',
  'platform',
  'level',
  'release',
  'tags',
  'contexts',
  'exception',
  'environment',
  'sdk',
]
const tagsOfEvery = ['service']

/** Where Sentry's format has the message of an exception, a service may put its code, which says nothing of anybody. */
function isCode(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Z0-9_]{0,40}$/.test(value)
}

/** Members of error reports beyond code, class and frames, and tags that the plan does not list, each once. */
export function unlistedReports(plan: Plan, bodies: readonly string[]): string[] {
  const fields = plan.telemetry.errors?.fields ?? []
  const found = new Set<string>()
  for (const body of bodies) {
    // An envelope is a line about itself, then a line about each item and the item.
    const items = body.split('\n').map(parsed)
    const events = items.filter((item) => item !== undefined && 'exception' in item)
    if (events.length === 0) found.add('an error report that cannot be read')
    for (const event of events) {
      if (event === undefined) continue
      for (const member of Object.keys(event))
        if (!eventMembers.includes(member)) found.add(`an error report has ${member}`)
      const read = eventSchema.safeParse(event).data
      for (const tag of Object.keys(read?.tags ?? {}))
        if (!fields.includes(tag) && !tagsOfEvery.includes(tag))
          found.add('an error report has a tag that the plan does not list')
      for (const exception of read?.exception?.values ?? [])
        for (const [member, value] of Object.entries(exception))
          if (!exceptionMembers.includes(member) && !(member === 'value' && isCode(value)))
            found.add(`an error report tells the ${member} of an exception`)
    }
  }
  return [...found]
}

export interface ServiceLine {
  service: string
  text: string
}

/** The lines that services printed themselves, of all that an environment logged. */
export function linesOfServices(lines: readonly string[], services: readonly string[]): ServiceLine[] {
  return lines.flatMap((line) => {
    const at = line.indexOf(' | ')
    const service = line.slice(0, Math.max(0, at)).trim()
    const text = line.slice(at + 3)
    return at > 0 && services.includes(service) && !text.startsWith('[aval]') ? [{ service, text }] : []
  })
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
