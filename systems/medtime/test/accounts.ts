import type { Provider } from '../services/accounts/identity/provider.ts'
import { createMetrics } from '../services/accounts/metrics.ts'
import { createSealing } from '../services/accounts/sealing/seal.ts'
import type { SendCode } from '../services/accounts/second-factor/send-code.ts'
import { createAccountsService } from '../services/accounts/service.ts'
import { openDatabase } from '../services/api/database.ts'
import type { LogEntry } from '../services/api/http/log.ts'
import { createServer } from '../services/api/server.ts'

export interface TestAccounts {
  address: string
  /** Everything it wrote to its log. */
  log: LogEntry[]
  stop(): Promise<void>
}

export const tokenIssuer = 'https://auth.medtime.app'
export const tokenAudience = 'medtime-api'

/**
 * An instance of the accounts service over a real database, with real requests, and a clock of the test's own. Several instances
 * over one database share its secrets, as they do in production.
 * @param databaseUrl as the role medtime_accounts
 */
export async function startAccounts(
  databaseUrl: string,
  now: () => number,
  options: { providers?: Provider[]; sendCode?: SendCode } = {},
): Promise<TestAccounts> {
  const metrics = createMetrics(() => 0)
  const database = openDatabase({
    url: databaseUrl,
    poolSize: 4,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
  const log: LogEntry[] = []
  const { areas, tokens } = createAccountsService({
    database,
    sealing: createSealing({ keys: [Buffer.alloc(32, 7)], names: undefined }),
    metrics,
    issuer: tokenIssuer,
    audience: tokenAudience,
    providers: options.providers ?? [],
    ...(options.sendCode ? { sendCode: options.sendCode } : {}),
    now,
  })
  const server = createServer({
    areas,
    tokens,
    metrics,
    log: { info: (entry) => log.push(entry), error: (entry) => log.push(entry) },
    bodyLimit: 32_768,
    limiter: { take: () => Promise.reject(new Error('nothing is limited here')) },
    trustedProxies: ['127.0.0.1'],
    exempt: () => true,
  })
  const address = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    address,
    log,
    stop: async () => {
      await server.close()
      await database.close()
    },
  }
}
