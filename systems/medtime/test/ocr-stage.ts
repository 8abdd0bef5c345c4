import { withClient } from '../../../src/postgres/connection.ts'
import { createOcrClient, type OcrClient } from '../client/ocr/ocr-client.ts'
import { type Database, openDatabase } from '../services/api/database.ts'
import type { LogEntry } from '../services/api/http/log.ts'
import { createMetrics } from '../services/api/http/metrics.ts'
import { type OcrOptions, ocrArea } from '../services/api/ocr/area.ts'
import { createServer } from '../services/api/server.ts'
import { migrate, startTestServer } from './database.ts'

export interface OcrService {
  address: string
  /** What its log was told. */
  log: LogEntry[]
  metrics(): Promise<string>
  client(user: string, fetching?: typeof fetch): OcrClient
}

export interface OcrStage {
  /** The OCR area alone, on a port of its own. */
  serve(options?: Partial<OcrOptions>): Promise<OcrService>
  /** A token that its services take for a user. */
  token(user: string): string
  rows(user: string): Promise<Record<string, unknown>[]>
  database: Database
  adminUrl: string
  stop(): Promise<void>
}

/** A Postgres of its own, and services over it whose tokens name their users. */
export async function startOcrStage(): Promise<OcrStage> {
  const postgres = await startTestServer()
  const { adminUrl, ownerUrl, roleUrl } = await postgres.createDatabase('medtime')
  await migrate(ownerUrl)
  const database = openDatabase({
    url: roleUrl('medtime_api'),
    poolSize: 4,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
  const token = (user: string) => `a.b.${user}`
  const closing: (() => Promise<void>)[] = []
  return {
    serve: async (options = {}) => {
      const metrics = createMetrics(() => 0)
      const log: LogEntry[] = []
      const server = createServer({
        areas: [ocrArea({ database, metrics, now: () => Date.now(), ...options })],
        tokens: { check: async (given) => ({ user: given.slice(given.lastIndexOf('.') + 1), tier: 'perfect' }) },
        metrics,
        log: { info: (entry) => log.push(entry), error: (entry) => log.push(entry) },
        bodyLimit: 1_024,
        limiter: { take: () => Promise.reject(new Error('nothing is counted here')) },
        trustedProxies: [],
        exempt: () => true,
      })
      closing.push(async () => void (await server.close()))
      const address = await server.listen({ host: '127.0.0.1', port: 0 })
      const client = (user: string, fetching = fetch) =>
        createOcrClient({ address: () => address, token: async () => token(user), fetch: fetching })
      return { address, log, metrics: metrics.text, client }
    },
    token,
    rows: (user) =>
      withClient(adminUrl, async (client) => {
        const { rows } = await client.query<Record<string, unknown>>(
          'SELECT * FROM srv_ocr_requests WHERE user_id = $1 ORDER BY created_at',
          [user],
        )
        return rows
      }),
    database,
    adminUrl,
    stop: async () => {
      await Promise.all(closing.map((close) => close()))
      await database.close()
      await postgres.stop()
    },
  }
}
