import { performance } from 'node:perf_hooks'
import { failure } from '../../errors.ts'
import type { Behaviour, Exchange, Json } from '../exercise.ts'
import { type Answer, type Sent, send } from './exchange.ts'
import { mismatches } from './expectation.ts'
import { resolvePointer } from './json-pointer.ts'
import { CaseFault } from './template.ts'

export interface CaseContext {
  /** Base address of a service, asked anew before every exchange. */
  address(service: string): string
  /**
   * Headers of a person. A case names people nobody else uses, such as `ana@push-atomic-one-conflict`, so that cases run in
   * any order and at once.
   */
  credentials(alias: string): Promise<Record<string, string>>
  signal?: AbortSignal | undefined
  /** How long one answer may take, milliseconds; 20 000 unless told. */
  timeLimitMs?: number
  /** Told of every request; it is sent once that has resolved. */
  before?(request: Sent): Promise<void>
  /** Told of every request that was answered. */
  heard?(request: Sent, answer: Answer): void
}

export interface CaseResult {
  id: string
  promise: string
  passed: boolean
  /** Index of the exchange that was not answered as expected. */
  failedAt?: number
  /** Every difference of that exchange; none can hold a secret. */
  mismatches: string[]
  tookMs: number
}

/**
 * Runs the exchanges of one case in order and stops at the first that is not answered as expected.
 *
 * @throws CASE_UNUSABLE when the case itself is wrong, and whatever `credentials` throws: neither says anything about the
 *   service, so neither is a failed case.
 */
export async function runCase(behaviour: Behaviour, context: CaseContext): Promise<CaseResult> {
  const started = performance.now()
  const values = new Map<string, Json>()
  const result = (failed?: { failedAt: number; mismatches: string[] }): CaseResult => ({
    id: behaviour.id,
    promise: behaviour.promise,
    passed: failed === undefined,
    mismatches: [],
    ...failed,
    tookMs: performance.now() - started,
  })
  for (const [index, exchange] of behaviour.exchanges.entries()) {
    const wrong = await carryOut(exchange, values, context).catch((error: unknown) => {
      if (!(error instanceof CaseFault)) throw error
      throw failure('CASE_UNUSABLE', { id: behaviour.id, exchange: index + 1, problem: error.message })
    })
    if (wrong.length > 0) return result({ failedAt: index, mismatches: wrong })
  }
  return result()
}

async function carryOut(exchange: Exchange, values: Map<string, Json>, context: CaseContext): Promise<string[]> {
  const credentials = exchange.as === undefined ? {} : await context.credentials(exchange.as)
  const answer = await send(exchange.request, {
    address: context.address(exchange.service),
    credentials,
    values,
    timeLimitMs: context.timeLimitMs ?? 20_000,
    signal: context.signal,
    before: context.before,
    heard: context.heard,
  })
  if ('unanswered' in answer) return [answer.unanswered]
  const wrong = mismatches(exchange.expect, answer, values)
  return wrong.length > 0 ? wrong : keep(exchange.save ?? {}, answer, values)
}

function keep(save: Record<string, string>, answer: Answer, values: Map<string, Json>): string[] {
  const missing: string[] = []
  for (const [name, pointer] of Object.entries(save)) {
    const value = resolvePointer(answer.json, pointer)
    if (value === undefined) missing.push(`${pointer || 'body'}: expected a value for {{${name}}}, found nothing`)
    else values.set(name, value)
  }
  return missing
}
