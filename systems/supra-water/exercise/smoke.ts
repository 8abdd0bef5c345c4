import { randomUUID } from 'node:crypto'
import { type Ask, type SmokeResult, smokeOf, sqlState } from 'aval'
import { asTenant } from './as-tenant.ts'
import { type Doors, moveIn } from './household.ts'
import { issue } from './issue.ts'

/** The shortest look that tells a working SUPRA Water from a broken one; what it bills it takes back. */
export function smoke(doors: Doors): Promise<SmokeResult> {
  return smokeOf(
    {
      'a day is billed by the blocks of the tariff': async () => {
        const { tenant, contract } = await moveIn(doors, 0, 0)
        await asTenant(doors.worker, tenant, (ask) => tryBill(ask, tenant, contract))
      },
      'nobody’s session sees nothing': () =>
        asTenant(doors.api, undefined, async (ask) => {
          if ((await ask('SELECT 1 FROM persons LIMIT 1')).length > 0)
            throw new Error('a session without a tenant sees people')
        }),
    },
    // Words of the server may hold values of rows.
    (error) => sqlState(error) ?? 'no answer',
  )
}

/** 25 m3 cost 10 x 5.50 + 45, 10 x 8.75 and 5 x 14.50 pesos. */
async function tryBill(ask: Ask, tenant: string, contract: string): Promise<void> {
  await ask('SAVEPOINT bill')
  const { total } = await issue(ask, { tenant, contract, invoice: randomUUID(), day: 0, usedM3: 25 })
  if (total !== '260.00') throw new Error('the tariff does not add up')
  await ask('ROLLBACK TO SAVEPOINT bill')
}
