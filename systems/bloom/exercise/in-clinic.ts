import type { Pool } from 'pg'
import { type Query, tenantContext } from '../tenancy/tenant-context.ts'

/** Does work in one transaction of a clinic. Resolves once it is committed. */
export type InClinic = <T>(tenant: string, work: (query: Query) => Promise<T>) => Promise<T>

/** By the tenant context of the product, over whatever pool reaches the database just now. */
export function inClinicBy(pool: () => Pool): InClinic {
  return async (tenant, work) => {
    const context = tenantContext(pool())
    return context.asTenant(tenant, () => context.transaction(work))
  }
}
