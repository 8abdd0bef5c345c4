import type { Pool } from 'pg'
import { idOf } from './ids.ts'

export interface Clinic {
  id: string
  /** Who sees its clients. */
  practitioner: string
}

/** Makes a clinic with one practitioner, as its owner does when a clinic signs up; changes nothing where it is there. */
export async function openClinic(owner: Pool, name: string): Promise<Clinic> {
  const clinic = { id: idOf(`bloom clinic ${name}`), practitioner: idOf(`bloom practitioner ${name}`) }
  await owner.query('INSERT INTO "tenants" ("id", "slug", "name") VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
    clinic.id,
    `clinic-${clinic.id}`,
    `Clinic ${name}`,
  ])
  await owner.query(
    `INSERT INTO "users" ("tenantId", "id", "email", "name") VALUES ($1, $2, 'desk@clinic.test', 'Desk')
     ON CONFLICT DO NOTHING`,
    [clinic.id, clinic.practitioner],
  )
  return clinic
}
