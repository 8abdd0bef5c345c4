import { AsyncLocalStorage } from 'node:async_hooks'
import type { Pool, PoolClient, QueryResultRow } from 'pg'

/** A statement of the transaction in hand; refused once that has ended. */
export type Query = <Row extends QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>

/** For whom the work of an asynchronous call is done, and how it reaches the database. */
export interface TenantContext {
  /** Does work for a clinic: whatever it calls, however deep, is done for that clinic. Called once a request, by its middleware. */
  asTenant<T>(tenant: string, work: () => Promise<T>): Promise<T>
  /** @throws TenantMissing outside of `asTenant`. */
  currentTenant(): string
  /**
   * One transaction of the current clinic. A transaction within one joins it, so that both are kept or neither.
   * @throws TenantMissing without a clinic; TenantMixed within a transaction of another one; whatever `work` throws, after a rollback
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
}

export class TenantMissing extends Error {
  constructor() {
    super('no clinic is named: call it within asTenant')
  }
}

export class TenantMixed extends Error {
  constructor() {
    super('a transaction of another clinic is open: end it first')
  }
}

interface Scope {
  tenant: string
  open?: { tenant: string; query: Query }
}

const id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * A tenant context over a pool. The clinic is named for each transaction and ends with it, so that a connection never goes on for another
 * with the name of the last: not in this pool, and not in a pooler behind it that gives connections away after each transaction.
 */
export function tenantContext(pool: Pool): TenantContext {
  const scopes = new AsyncLocalStorage<Scope>()
  // Without a listener the loss of a connection that nobody uses would end the process. It has left the pool; the next gets another.
  pool.on('error', () => undefined)
  const scope = (): Scope => {
    const current = scopes.getStore()
    if (current === undefined) throw new TenantMissing()
    return current
  }
  return {
    currentTenant: () => scope().tenant,
    asTenant: (tenant, work) => {
      if (!id.test(tenant)) return Promise.reject(new TenantMissing())
      const open = scopes.getStore()?.open
      return scopes.run({ tenant, ...(open === undefined ? {} : { open }) }, work)
    },
    transaction: async (work) => {
      const { tenant, open } = scope()
      // A second connection for another clinic could wait for ever where every connection is held by one that waits.
      if (open !== undefined && open.tenant !== tenant) throw new TenantMixed()
      if (open !== undefined) return work(open.query)
      const client = await pool.connect()
      return inTransaction(client, tenant, (query) =>
        scopes.run({ tenant, open: { tenant, query } }, () => work(query)),
      )
    },
  }
}

async function inTransaction<T>(client: PoolClient, tenant: string, work: (query: Query) => Promise<T>): Promise<T> {
  let ended = false
  const query: Query = async (sql, values = []) => {
    // The connection may be another clinic's by now.
    if (ended) throw new Error('the transaction has ended')
    return (await client.query({ text: sql, values: [...values] })).rows
  }
  let unsound: Error | undefined
  // A connection that breaks between two statements would end the process; the next statement gets the error.
  const broke = (error: Error) => {
    unsound = error
  }
  client.on('error', broke)
  try {
    await client.query('BEGIN')
    await client.query("SELECT set_config('app.current_tenant', $1, true)", [tenant])
    const result = await work(query)
    ended = true
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement of it had failed')
    return result
  } catch (error) {
    ended = true
    await client.query('ROLLBACK').catch(broke)
    throw error
  } finally {
    // A connection that cannot be rolled back is given up, never given to the next.
    // One that broke may say so more than once.
    if (unsound === undefined) client.off('error', broke)
    client.release(unsound)
  }
}
