import { randomUUID } from 'node:crypto'
import type { SmokeResult } from 'aval'
import { type Ask, asTenant, refusal } from './as-tenant.ts'
import { type Doors, moveIn } from './household.ts'
import { issue } from './issue.ts'

/** The shortest look that tells a working SUPRA Water from a broken one; what it bills it takes back. */
export async function smoke(doors: Doors): Promise<SmokeResult> {
  const checks: SmokeResult['checks'] = []
  const check = async (name: string, work: () => Promise<void>) => {
    try {
      await work()
      checks.push({ name, passed: true })
    } catch (error) {
      // Words of the server may hold values of rows.
      checks.push({ name, passed: false, detail: refusal(error) ?? 'no answer' })
    }
  }
  await check('a day is billed by the blocks of the tariff', async () => {
    const { tenant, contract } = await moveIn(doors, 0, 0)
    await asTenant(doors.worker, tenant, (ask) => tryBill(ask, tenant, contract))
  })
  await check('nobody’s session sees nothing', () =>
    asTenant(doors.api, undefined, async (ask) => {
      if ((await ask('SELECT 1 FROM persons LIMIT 1')).length > 0)
        throw new Error('a session without a tenant sees people')
    }),
  )
  return { passed: checks.every(({ passed }) => passed), checks }
}

/** 25 m3 cost 10 x 5.50 + 45, 10 x 8.75 and 5 x 14.50 pesos. */
async function tryBill(ask: Ask, tenant: string, contract: string): Promise<void> {
  await ask('SAVEPOINT bill')
  const { total } = await issue(ask, { tenant, contract, invoice: randomUUID(), day: 0, usedM3: 25 })
  if (total !== '260.00') throw new Error('the tariff does not add up')
  await ask('ROLLBACK TO SAVEPOINT bill')
}
