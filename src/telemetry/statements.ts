import { createHash } from 'node:crypto'
import type { ClientBase, Pool } from 'pg'
import { isName } from './admit.ts'
import { currentContext } from './trace-context.ts'
import type { Tracer } from './tracer.ts'

/** What is known of a statement that ended: never its text, which can hold what nobody may read. */
export interface Statement {
  id: string
  seconds: number
  failed: boolean
}

/**
 * What a statement is called: the name it was prepared under, or the beginning of its digest. Of a text that a value was written into, the
 * digest tells nothing.
 */
export function statementId(statement: { name?: string | undefined; text: string }): string {
  if (statement.name !== undefined && isName(statement.name)) return statement.name
  return `s${createHash('sha256').update(statement.text).digest('hex').slice(0, 16)}`
}

interface Observer {
  tracer: Tracer<'statement', 'query_id'>
  /** Told of each statement; counts it. */
  ended?: (statement: Statement) => void
}

/**
 * Measures every statement of a pool of `pg`, also those of clients taken out of it, and notes each in the trace of whoever asked. Cursors
 * and COPY, which `pg` runs piece by piece, are left alone. To be called before the pool is used.
 */
export function observeStatements(pool: Pool, observer: Observer): void {
  pool.on('connect', (client) => observeClient(client, observer))
}

/** The same of a connection by itself. To be called once, before it is used. */
export function observeClient(client: ClientBase, { tracer, ended }: Observer): void {
  measure(client, (id, startedMs, failed, above) => {
    const tookMs = performance.now() - startedMs
    ended?.({ id, seconds: tookMs / 1000, failed })
    tracer.note('statement', { query_id: id }, tookMs, failed, above)
  })
}

type Ended = (id: string, startedMs: number, failed: boolean, above: ReturnType<typeof currentContext>) => void

function measure(client: ClientBase, ended: Ended): void {
  const original: (...given: unknown[]) => unknown = client.query.bind(client)
  const measured = (...given: unknown[]): unknown => {
    const id = idOf(given[0])
    if (id === undefined) return original(...given)
    const [started, above] = [performance.now(), currentContext()]
    const last = given.at(-1)
    if (typeof last === 'function') {
      return original(...given.slice(0, -1), (error: unknown, result: unknown) => {
        ended(id, started, Boolean(error), above)
        last(error, result)
      })
    }
    const running = original(...given)
    if (!(running instanceof Promise)) return running
    return running.then(
      (result) => {
        ended(id, started, false, above)
        return result
      },
      (error: unknown) => {
        ended(id, started, true, above)
        throw error
      },
    )
  }
  Object.defineProperty(client, 'query', { value: measured })
}

/** Undefined of what is not a plain statement. */
function idOf(given: unknown): string | undefined {
  if (typeof given === 'string') return statementId({ text: given })
  if (typeof given !== 'object' || given === null || 'submit' in given) return undefined
  if (!('text' in given) || typeof given.text !== 'string') return undefined
  const name = 'name' in given && typeof given.name === 'string' ? given.name : undefined
  return statementId({ name, text: given.text })
}
