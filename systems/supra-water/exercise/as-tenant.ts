import { type Ask, inTransaction } from 'aval'

/** Where a role reaches the database, asked anew for every use: after a recovery it may be elsewhere. */
export type Door = () => string

/**
 * One transaction as a request of the API or a job of a worker: it names its tenant first.
 * @param tenant undefined for nobody's: then nothing is seen but by the owner
 */
export function asTenant<T>(door: Door, tenant: string | undefined, work: (ask: Ask) => Promise<T>): Promise<T> {
  return inTransaction({ url: door(), settings: tenant === undefined ? {} : { 'app.current_tenant': tenant } }, work)
}
