import { randomUUID } from 'node:crypto'
import { type SmokeResult, smokeOf, sqlState } from 'aval'
import type { Pool } from 'pg'
import type { InClinic } from './in-clinic.ts'
import { openClinic } from './open-clinic.ts'

export interface SmokeTools {
  owner: Pool
  api: Pool
  inClinic: InClinic
}

/** The shortest look that tells a working Bloom from a broken one. */
export function smoke({ owner, api, inClinic }: SmokeTools): Promise<SmokeResult> {
  return smokeOf(
    {
      'a reservation booked and cancelled in a test clinic': async () => {
        const clinic = await openClinic(owner, 'smoke')
        const [client, reservation] = [randomUUID(), randomUUID()]
        await inClinic(clinic.id, async (query) => {
          await query(`INSERT INTO "clients" ("tenantId", "id", "name") VALUES ($1, $2, 'Smoke')`, [clinic.id, client])
          await query(
            `INSERT INTO "reservations" ("tenantId", "id", "clientId", "userId", "startsAt", "endsAt")
         VALUES ($1, $2, $3, $4, '2026-01-05 10:00+00', '2026-01-05 11:00+00')`,
            [clinic.id, reservation, client, clinic.practitioner],
          )
        })
        const cancelled = await inClinic(clinic.id, (query) =>
          query(`UPDATE "reservations" SET "status" = 'cancelled' WHERE "tenantId" = $1 AND "id" = $2 RETURNING 1`, [
            clinic.id,
            reservation,
          ]),
        )
        if (cancelled.length !== 1) throw new Error('what was booked is not there')
      },
      'nothing shown to a session that names no clinic': async () => {
        const shown = await api.query('SELECT 1 FROM "clients" LIMIT 1').then(
          ({ rowCount }) => `${rowCount} rows`,
          (error: unknown) => (sqlState(error) === '42501' ? undefined : String(error)),
        )
        if (shown !== undefined) throw new Error(`it was answered with ${shown}`)
      },
    },
    (error) => (error instanceof Error ? error.message : String(error)),
  )
}
