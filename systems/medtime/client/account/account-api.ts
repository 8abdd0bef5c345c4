import type { z } from 'zod'
import { type Address, createRequest, refusal } from '../request.ts'
import type { Clock } from '../retry.ts'
import { challenged } from './account-wire.ts'
import { solve } from './challenge.ts'

export interface AccountApi {
  /** @throws SyncError for a refusal, TransientError when the service cannot be reached */
  send<T>(path: string, body: Record<string, unknown>, answer: z.ZodType<T>, token?: string): Promise<T>
  /** The same; does the work a challenge asks for, and asks again. */
  sendSolving<T>(path: string, body: Record<string, unknown>, answer: z.ZodType<T>, token?: string): Promise<T>
  /** What is read with a token; undefined when there is nothing. @throws SyncError, TransientError */
  read<T>(path: string, answer: z.ZodType<T>, token: string): Promise<T | undefined>
  /** Status and body as they are. */
  ask(path: string, body: Record<string, unknown>, token?: string): Promise<{ status: number; body: unknown }>
}

export interface AccountApiOptions {
  /** Of the accounts service. */
  address: Address
  fetch: typeof fetch
  clock: Clock
  random: () => number
}

export function createAccountApi(options: AccountApiOptions): AccountApi {
  const request = (path: string, init: RequestInit, token: string | undefined) =>
    createRequest({
      ...options,
      token: async () => token,
    })(path, init)
  const ask: AccountApi['ask'] = (path, body, token) =>
    request(
      path,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
      token,
    )
  const parsed = <T>({ status, body }: { status: number; body: unknown }, answer: z.ZodType<T>): T => {
    if (status !== 200) throw refusal(status, body)
    return answer.parse(body)
  }
  return {
    ask,
    send: async (path, body, answer, token) => parsed(await ask(path, body, token), answer),
    read: async (path, answer, token) => {
      const given = await request(path, {}, token)
      return given.status === 404 ? undefined : parsed(given, answer)
    },
    sendSolving: async (path, body, answer, token) => {
      const first = await ask(path, body, token)
      const asked = challenged.safeParse(first.body)
      if (!asked.success) return parsed(first, answer)
      return parsed(await ask(path, { ...body, challenge: solve(asked.data.challenge) }, token), answer)
    },
  }
}
