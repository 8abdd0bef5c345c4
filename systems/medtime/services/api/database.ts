import { currentContext } from 'aval/telemetry'
import { type CustomTypesConfig, DatabaseError, Pool, type PoolClient } from 'pg'
import { ApiError } from './http/api-error.ts'

export interface DatabaseOptions {
  url: string
  /** What the server shows of its connections; the API's unless told. */
  applicationName?: string
  poolSize: number
  /** Told of each statement its seconds, its name, and whether it failed. */
  onStatement: (seconds: number, name: string, failed: boolean) => void
  /** A connection broke while nobody used it. */
  onLostConnection: () => void
}

/**
 * Runs one prepared statement, which is one transaction unless it is run inside `transaction`.
 * @param name of the statement; the same name always with the same text
 * @throws ApiError TIMEOUT, UNAVAILABLE, INTERNAL; its text tells nothing of the values
 */
export type Run = <Row extends object>(
  name: string,
  text: string,
  values: unknown[],
  columns?: CustomTypesConfig,
) => Promise<Row[]>

/** The connections that every area of the API shares. */
export interface Database {
  run: Run
  /**
   * Several statements, all or none, as one user: row security sees nobody else's rows. Null for nobody, who sees no user's rows.
   * The connection is one of few: nothing but statements may be waited for inside.
   */
  transaction<T>(user: string | null, work: (run: Run) => Promise<T>): Promise<T>
  /** Rejects when the database cannot serve. */
  ready(): Promise<void>
  /** Requests that wait for a connection. */
  waiting(): number
  close(): Promise<void>
}

/** Longest a statement may take, and longest to wait for a connection. */
const timeoutMs = 10_000

const setClaims = "SELECT set_config('request.jwt.claims', $1, true), set_config('aval.correlation_id', $2, true)"

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    application_name: options.applicationName ?? 'medtime-api',
    keepAlive: true,
  })
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', options.onLostConnection)

  const runOn =
    (on: Pool | PoolClient): Run =>
    async <Row extends object>(name: string, text: string, values: unknown[], columns?: CustomTypesConfig) => {
      const started = performance.now()
      let failed = true
      try {
        const { rows } = await on.query<Row>({ name, text, values, ...(columns ? { types: columns } : {}) })
        failed = false
        return rows
      } catch (thrown) {
        throw asApiError(thrown)
      } finally {
        options.onStatement((performance.now() - started) / 1000, name, failed)
      }
    }
  const run = runOn(pool)

  return {
    run,
    transaction: async (user, work) => {
      const client = await pool.connect().catch((thrown: unknown) => {
        throw asApiError(thrown)
      })
      let broken: Error | undefined
      // The pool listens to connections that nobody uses; one that breaks in between would end the process.
      const lost = (error: Error) => {
        broken = error
        options.onLostConnection()
      }
      client.on('error', lost)
      try {
        const inside = runOn(client)
        await inside('begin', 'BEGIN', [])
        await inside('claims-of-transaction', setClaims, [
          user === null ? '' : JSON.stringify({ sub: user }),
          // What a function of the database writes or tells can say what it belongs to.
          currentContext()?.correlationId ?? '',
        ])
        const result = await work(inside)
        await inside('commit', 'COMMIT', [])
        return result
      } catch (thrown) {
        // A connection that cannot even roll back is given up.
        await client.query('ROLLBACK').catch((error: unknown) => {
          broken = error instanceof Error ? error : new Error('rollback failed')
        })
        throw thrown
      } finally {
        client.off('error', lost)
        client.release(broken)
      }
    },
    ready: async () => {
      await run('ready', 'SELECT epoch FROM public.srv_sync_epoch', [])
    },
    waiting: () => pool.waitingCount,
    close: () => pool.end(),
  }
}

/** What a failure of the database means to a client. Its text stays here: it may quote what was sent. */
function asApiError(thrown: unknown): ApiError {
  if (!(thrown instanceof DatabaseError)) return new ApiError('UNAVAILABLE')
  const code = thrown.code ?? ''
  // Of our own: the user was erased, and whoever holds a token still is nobody.
  if (code === 'ME001') return new ApiError('UNAUTHENTICATED')
  // 57014: the statement took too long.
  if (code === '57014' || code === '55P03') return new ApiError('TIMEOUT')
  // 08: connection; 40: serialization, deadlock; 53: resources; 57P: the server is going down or coming up; 25006: a standby.
  if (/^(08|40|53|57P)|^25006$/.test(code)) return new ApiError('UNAVAILABLE')
  return new ApiError('INTERNAL')
}
