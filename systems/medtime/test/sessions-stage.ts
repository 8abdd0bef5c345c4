import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { type TokenAnswer, tokenAnswer } from '../client/account/account-wire.ts'
import { type RunningService, startService } from '../exercise/processes.ts'
import { migrate, startTestServer } from './database.ts'

export interface SessionsStage {
  database: PreparedDatabase
  accounts: string
  /** Two instances. */
  apis: readonly [string, string]
  /** Signs somebody of tier free in by the development issuer, as a provider would vouch for them. */
  signIn(person: string, device: string, how?: { replaces?: string; authAge?: number }): Promise<TokenAnswer>
  post(url: string, json: unknown): Promise<{ status: number; body: Record<string, unknown> }>
  stop(): Promise<void>
}

const record = z.record(z.string(), z.unknown())

/** Accounts and two instances of the API, each a process of its own over one database. */
export async function startSessionsStage(): Promise<SessionsStage> {
  const server = await startTestServer()
  const running: RunningService[] = []
  const stop = async () => {
    await Promise.all(running.map((service) => service.stop()))
    await server.stop()
  }
  const start = async (name: 'issuer' | 'accounts' | 'api', environment: Record<string, string>) => {
    const service = await startService(name, environment)
    running.push(service)
    return service.address
  }
  try {
    const database = await server.createDatabase('sessions')
    await migrate(database.ownerUrl)
    const issuer = await start('issuer', {})
    const urlOf = (role: string) => ({ DATABASE_URL: database.roleUrl(role), ISSUER_URL: issuer })
    const accounts = await start('accounts', urlOf('medtime_accounts'))
    const api = { ...urlOf('medtime_api'), ACCOUNTS_URL: accounts }
    const apis = [await start('api', api), await start('api', api)] as const
    return {
      database,
      accounts,
      apis,
      post,
      signIn: async (person, device, { replaces, authAge = 0 } = {}) => {
        const vouched = await post(`${issuer}/token`, {
          sub: person,
          email: `${person}@example.test`,
          tier: 'free',
          auth_age: authAge,
          // A token is taken once, and two of one second would be the same.
          claims: { iss: 'https://development.example.test', aud: 'medtime-accounts', jti: randomUUID() },
        })
        const { status, body } = await post(`${accounts}/auth/token`, {
          grant_type: 'id_token',
          provider: 'development',
          id_token: vouched.body['access_token'],
          device_id: device,
          replaces,
        })
        if (status !== 200) throw new Error(`signing in was answered ${status} ${String(body['code'])}`)
        return tokenAnswer.parse(body)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function post(url: string, json: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(json),
  })
  return { status: response.status, body: record.parse(await response.json()) }
}
