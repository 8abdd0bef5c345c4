import type { Ack } from 'aval'
import { z } from 'zod'
import type { InClinic } from './in-clinic.ts'

const table = z.enum(['clients', 'packages', 'payments', 'reservations'])
const promised = z.union([
  /** What the row holds for as long as it is there. */
  z.strictObject({ table, id: z.string(), holds: z.string() }),
  /** The end of a reservation, which nothing changes any more. */
  z.strictObject({ table, id: z.string(), status: z.string() }),
])
export type Promised = z.infer<typeof promised>

const ackToken = z.strictObject({ clinic: z.string(), rows: z.array(promised) })
export type AckToken = z.infer<typeof ackToken>

type Fate = 'kept' | 'lost' | 'altered'

interface Held {
  holds: string
  status: string | null
}

interface Look {
  startedAt: number
  rows: ReadonlyMap<string, Held>
}

/** How long a look at a clinic's rows is believed, milliseconds. */
const freshMs = 1_000

/** What of each table never changes, and what may; in one statement, so that a clinic is looked at in one snapshot. */
const everything = `
  SELECT 'clients' AS "table", "id", "name" AS "holds", NULL AS "status" FROM "clients" WHERE "tenantId" = $1
  UNION ALL SELECT 'packages', "id", "price"::text, NULL FROM "packages" WHERE "tenantId" = $1
  UNION ALL SELECT 'payments', "id", "amount"::text, NULL FROM "payments" WHERE "tenantId" = $1
  UNION ALL SELECT 'reservations', "id", "packageId"::text, "status" FROM "reservations" WHERE "tenantId" = $1`

/**
 * Looks at what a clinic holds and shares each look among the acknowledgements of the clinic, so that thousands are read back with a few
 * statements. A look is only believed for acknowledgements older than itself.
 */
export function readBack(options: { inClinic: InClinic; now(): number }): (ack: Ack) => Promise<Fate> {
  const { inClinic, now } = options
  const looks = new Map<string, { startedAt: number; look: Promise<Look> }>()
  const look = async (clinic: string, startedAt: number): Promise<Look> => {
    const rows = await inClinic(clinic, (query) =>
      query<{ table: string; id: string; holds: string; status: string | null }>(everything, [clinic]),
    )
    return { startedAt, rows: new Map(rows.map((row) => [`${row.table} ${row.id}`, row])) }
  }
  return async (ack) => {
    const { clinic, rows } = ackToken.parse(ack.token)
    const known = looks.get(clinic)
    const believed = known !== undefined && known.startedAt > ack.acknowledgedAt && now() - known.startedAt < freshMs
    const current = believed ? known : { startedAt: now(), look: look(clinic, now()) }
    if (!believed) looks.set(clinic, current)
    const held = await current.look.catch((error: unknown) => {
      looks.delete(clinic)
      throw error
    })
    const fates = rows.map((row) => fateOf(row, held.rows.get(`${row.table} ${row.id}`)))
    return fates.includes('lost') ? 'lost' : fates.includes('altered') ? 'altered' : 'kept'
  }
}

/** A reservation that is open again has lost its end; whatever was booked may have come to any end since. */
export function fateOf(row: Promised, held: Held | undefined): Fate {
  if (held === undefined) return 'lost'
  if ('holds' in row) return held.holds === row.holds ? 'kept' : 'altered'
  if (held.status === row.status) return 'kept'
  return held.status === 'booked' ? 'lost' : 'altered'
}
