import type { Json } from './json.ts'
import type { Operation } from './openapi.ts'

/** A request while it is made: still in parts, so that each can be changed. */
export interface Draft {
  method: string
  /** Values of the template's members. */
  path: Record<string, string>
  query: [name: string, value: string][]
  headers: [name: string, value: string][]
  /** `json` while its members can be changed, bytes from then on. */
  body: { json: Json } | { bytes: Buffer } | undefined
}

/** A request as it goes over the wire. */
export interface Attempt {
  operation: Operation
  method: string
  /** Path and query, as they are written. */
  target: string
  headers: [name: string, value: string][]
  body: Buffer | undefined
  /** What was done to it; empty for one that the document allows. */
  changes: string[]
  /** Whether it still asks for the operation, so that the answer must be one that the document declares. */
  addressed: boolean
  /** Sent byte by byte as it stands here, in place of what an HTTP client would make of the rest. */
  raw?: Buffer
}

export function targetOf(operation: Operation, { path, query }: Draft): string {
  const filled = operation.path.replace(/\{([^}]+)\}/g, (_, name: string) => encoded(path[name] ?? ''))
  const parts = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
  return parts.length === 0 ? filled : `${filled}?${parts.join('&')}`
}

/** Percent-encoded; half a surrogate pair becomes the three bytes that no UTF-8 may hold. */
function encoded(text: string): string {
  return text.isWellFormed()
    ? encodeURIComponent(text)
    : [...text].map((each) => (each.isWellFormed() ? encodeURIComponent(each) : '%ED%A0%80')).join('')
}

export function bodyOf({ body }: Draft): Buffer | undefined {
  if (body === undefined) return undefined
  return 'bytes' in body ? body.bytes : Buffer.from(JSON.stringify(body.json))
}

/** The values that a template's members have in a path; undefined when the path is another. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [template.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  const values: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const there = given[index] ?? ''
    const name = /^\{([^}]+)\}$/.exec(part)?.[1]
    if (name === undefined) {
      if (part !== there) return undefined
    } else {
      if (there === '') return undefined
      try {
        values[name] = decodeURIComponent(there)
      } catch {
        return undefined
      }
    }
  }
  return values
}

/** The operation that a request is for: a path written out goes before a template. */
export function operationOf(operations: readonly Operation[], method: string, path: string): Operation | undefined {
  const fitting = operations.filter((each) => each.method === method && matchPath(each.path, path) !== undefined)
  return fitting.find((each) => !each.path.includes('{')) ?? fitting[0]
}
