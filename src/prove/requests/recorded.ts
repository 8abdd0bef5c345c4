import type { Random } from '../../random.ts'
import type { Sent } from '../behaviour/exchange.ts'
import type { Dictionary } from './dictionary.ts'
import { type Draft, matchPath, operationOf } from './draft.ts'
import { parseJson } from './json.ts'
import type { Operation } from './openapi.ts'

const keptOfAnOperation = 24
const longestBody = 200_000

/** Requests of real clients that were answered with success, by operation: what generated ones are begun from. */
export interface Corpus {
  /** Whatever was answered; only what succeeded is kept. */
  add(sent: Sent, status: number): void
  draft(operation: Operation, random: Random): Draft | undefined
  /** An `authorization` that some request was let in with. */
  credentials(random: Random): string | undefined
  /** Operations that were heard of. */
  size(): number
}

export function createCorpus(operations: readonly Operation[], dictionary: Dictionary): Corpus {
  const known = new Map<Operation, Sent[]>()
  const credentials: string[] = []
  return {
    add: (sent, status) => {
      if (status >= 300) return
      const url = new URL(sent.target)
      const operation = operationOf(operations, sent.method, url.pathname)
      if (operation === undefined || (sent.body?.length ?? 0) > longestBody) return
      keep(known, operation, sent)
      const authorization = sent.headers.get('authorization')
      if (operation.secured && authorization !== null && !credentials.includes(authorization)) {
        credentials.push(authorization)
        if (credentials.length > keptOfAnOperation) credentials.shift()
      }
      for (const [name, value] of Object.entries(matchPath(operation.path, url.pathname) ?? {}))
        dictionary.learn(value, name)
      for (const [name, value] of url.searchParams) dictionary.learn(value, name)
      const json = sent.body === undefined ? undefined : parseJson(sent.body.toString())
      if (json !== undefined) dictionary.learn(json)
    },
    draft: (operation, random) => {
      const all = known.get(operation)
      return all === undefined ? undefined : draftOf(operation, random.pick(all))
    },
    credentials: (random) => (credentials.length === 0 ? undefined : random.pick(credentials)),
    size: () => known.size,
  }
}

function keep(known: Map<Operation, Sent[]>, operation: Operation, sent: Sent): void {
  const all = known.get(operation) ?? []
  all.push(sent)
  if (all.length > keptOfAnOperation) all.shift()
  known.set(operation, all)
}

/** A request that was sent, taken apart again. */
export function draftOf(operation: Operation, { method, target, headers, body }: Sent): Draft {
  const url = new URL(target)
  const json =
    /json/.test(headers.get('content-type') ?? '') && body !== undefined ? parseJson(body.toString()) : undefined
  return {
    method,
    path: { ...matchPath(operation.path, url.pathname) },
    query: [...url.searchParams],
    headers: [...headers],
    body: json !== undefined ? { json } : body === undefined ? undefined : { bytes: body },
  }
}
