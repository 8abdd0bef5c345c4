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
