import { type Attempt, bodyOf, type Draft, targetOf } from './draft.ts'
import { changeJson, changeMediaType, damageBytes, encodeBody } from './hostile-body.ts'
import { changeCredentials, changeHeaders, changePath, changeQuery, inHeader } from './hostile-request.ts'
import { hostileText } from './hostile-values.ts'
import type { Operation } from './openapi.ts'
import { rawAttempt } from './raw-requests.ts'
import type { Corpus } from './recorded.ts'
import { type Making, wellFormed } from './well-formed.ts'

const otherMethods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'QUERY'] as const

/**
 * One request for an operation: begun from one that was really answered or from the document alone, then left as it is or
 * changed in one to three places.
 */
export function makeAttempt(operation: Operation, making: Making, corpus: Corpus): Attempt {
  const { random } = making
  const recorded = random.next() < 0.5 ? corpus.draft(operation, random) : undefined
  const draft = recorded ?? generate(operation, making, corpus)
  // A request without a body is mostly refused once it is changed at all.
  return finish(operation, draft, making, random.next() < (operation.bodies.size > 0 ? 0.3 : 0.5))
}

/** The same of a request that is about to be sent, changed in one to three places. */
export function changedAttempt(operation: Operation, draft: Draft, making: Making): Attempt {
  return finish(operation, draft, making, false)
}

function finish(operation: Operation, draft: Draft, making: Making, untouched: boolean): Attempt {
  const { random, marker } = making
  const kind = random.next()
  if (kind < 0.04) return rawAttempt(operation, targetOf(operation, draft), marker.text, random)
  const changes: string[] = []
  const times = untouched ? 0 : random.pick([1, 1, 2, 3])
  for (let time = 0; time < times; time++) changes.push(change(operation, draft, making))
  const method = kind > 0.97 ? random.pick(otherMethods) : draft.method
  let target = targetOf(operation, draft)
  let addressed = method === draft.method
  if (!addressed) changes.push(`by ${method}`)
  if (kind > 0.95 && addressed) {
    const [path = '', query] = target.split('?')
    const others = [`${path}/`, `/${path}`, `${path}/..`, `${path};x`, `${path}/${marker.text}`, path.toUpperCase()]
    const other = random.pick(others)
    target = query === undefined ? other : `${other}?${query}`
    addressed = other === path
    if (!addressed) changes.push('by another path')
  }
  return {
    operation,
    method,
    target,
    headers: draft.headers.map(([name, value]) => [name, inHeader(value)]),
    body: bodyOf(draft),
    changes,
    addressed,
  }
}

/** A request that the document allows. */
function generate(operation: Operation, making: Making, corpus: Corpus): Draft {
  const { random } = making
  const headers: [string, string][] = []
  if (operation.secured && random.next() < 0.9) {
    const credentials = corpus.credentials(random)
    if (credentials !== undefined) headers.push(['authorization', credentials])
  }
  const draft: Draft = { method: operation.method, path: {}, query: [], headers, body: undefined }
  for (const { name, in: place, required, schema } of operation.parameters) {
    if (!required && random.next() < 0.5) continue
    const value = wellFormed(schema, name, making)
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    if (place === 'path') draft.path[name] = text
    else if (place === 'query') draft.query.push([name, text])
    else headers.push([name, text])
  }
  const types = [...operation.bodies]
  if (types.length === 0) return draft
  const [type, schema] = random.pick(types)
  headers.push(['content-type', type])
  if (schema !== undefined) draft.body = { json: wellFormed(schema, '', making) }
  else draft.body = { bytes: Buffer.concat([Buffer.from(making.marker.text), random.bytes(random.int(2_000))]) }
  return draft
}

function change(operation: Operation, draft: Draft, { random, marker }: Making): string {
  const mark = marker.text
  const takesBody = operation.bodies.size > 0
  const roll = random.next()
  if (roll < 0.12) return changeHeaders(draft, mark, random)
  if (roll < (operation.secured ? 0.18 : 0.13)) return changeCredentials(draft, mark, random)
  if (roll < 0.3) return changePath(draft, mark, random) ?? changeQuery(draft, mark, random)
  if (roll < (takesBody ? 0.36 : 0.9)) return changeQuery(draft, mark, random)
  if (!takesBody && random.next() < 0.5) {
    draft.headers.push(['content-type', 'application/json'])
    draft.body = { bytes: Buffer.from(`{"${hostileText(mark, random)}":1}`) }
    return 'a body nobody asked for'
  }
  if (roll < 0.7) return changeJson(draft, mark, random)
  if (roll < 0.81) return damageBytes(draft, mark, random)
  return roll < 0.94 ? encodeBody(draft, mark, random) : changeMediaType(draft, mark, random)
}
