import { type Ack, type Actor, type Random, sqlState } from 'aval'
import type { Query } from '../tenancy/tenant-context.ts'
import { randomId } from './ids.ts'
import type { InClinic } from './in-clinic.ts'
import type { Clinic } from './open-clinic.ts'
import type { AckToken, Promised } from './read-back.ts'

/** Somebody at the desk of a clinic, with what they remember of their own work. */
export interface Desk extends Actor {
  clinic: Clinic
  clients: string[]
  packages: { id: string; client: string }[]
  /** Reservations that are neither attended nor cancelled. */
  open: string[]
  operations: number
}

export interface StepTools {
  inClinic: InClinic
  now(): number
  /** Whether a package is looked at before a session of it is booked; only a break of its own leaves it out. */
  countsSessions: boolean
  /** Resolves when the desk is ready for its next client. */
  pause(): Promise<void>
}

/** How many a desk remembers of each; the oldest go. */
const remembered = 200
/** Few, so that packages are used up within a proof. */
const sessions = 3
const price = '450.00'

/** What one operation wrote, and what the desk remembers once it is acknowledged. */
interface Work {
  rows: Promised[]
  remember(): void
}

/**
 * One realistic operation of a clinic's desk, in one transaction.
 * @throws when it was not acknowledged; the desk then remembers nothing of it
 */
export async function step(desk: Desk, random: Random, tools: StepTools): Promise<Ack> {
  const operation = choose(desk, random)
  const sentAt = tools.now()
  const { rows, remember } = await tools
    .inClinic(desk.clinic.id, (query) => operations[operation]({ desk, random, query, tools }))
    .catch((error: unknown) => {
      if (isGone(error)) forget(desk)
      throw error
    })
  const acknowledgedAt = tools.now()
  remember()
  desk.operations++
  await tools.pause()
  return {
    id: `${desk.id}-${desk.operations}`,
    actor: desk.id,
    operation,
    kind: rows.length > 0 ? 'write' : 'read',
    sentAt,
    acknowledgedAt,
    token: { clinic: desk.clinic.id, rows } satisfies AckToken,
  }
}

interface Doing {
  desk: Desk
  random: Random
  query: Query
  tools: StepTools
}

type Operation = 'register' | 'sell' | 'book' | 'close' | 'agenda'

function choose({ clients, packages, open }: Desk, random: Random): Operation {
  const wanted = random.pick(['register', 'sell', 'book', 'book', 'book', 'close', 'close', 'agenda'] as const)
  if (clients.length === 0) return 'register'
  if (wanted === 'book' && packages.length === 0) return 'sell'
  if (wanted === 'close' && open.length === 0) return 'agenda'
  return wanted
}

const operations: Record<Operation, (doing: Doing) => Promise<Work>> = {
  register: async ({ desk, random, query }) => {
    const id = randomId(random)
    const name = `Client ${id.slice(0, 8)}`
    await query('INSERT INTO "clients" ("tenantId", "id", "name") VALUES ($1, $2, $3)', [desk.clinic.id, id, name])
    return { rows: [{ table: 'clients', id, holds: name }], remember: () => keep(desk.clients, id) }
  },

  sell: async ({ desk, random, query }) => {
    const [id, payment, client] = [randomId(random), randomId(random), random.pick(desk.clients)]
    const clinic = desk.clinic.id
    await query(
      `INSERT INTO "packages" ("tenantId", "id", "clientId", "name", "sessions", "price") VALUES ($1, $2, $3, 'Sessions', $4, $5)`,
      [clinic, id, client, sessions, price],
    )
    await query(
      `INSERT INTO "payments" ("tenantId", "id", "clientId", "packageId", "method", "amount") VALUES ($1, $2, $3, $4, $5, $6)`,
      [clinic, payment, client, id, random.pick(['cash', 'card', 'transfer']), price],
    )
    return {
      rows: [
        { table: 'packages', id, holds: price },
        { table: 'payments', id: payment, holds: price },
      ],
      remember: () => keep(desk.packages, { id, client }),
    }
  },

  book: async ({ desk, random, query, tools }) => {
    const { id: bought, client } = random.pick(desk.packages)
    const clinic = desk.clinic.id
    // Locked, so that two desks of a clinic do not both take the last session.
    const [bundle] = await query<{ left: number }>(
      `SELECT "sessions" - (SELECT count(*) FROM "reservations" r WHERE r."tenantId" = p."tenantId" AND r."packageId" = p."id"
         AND r."status" <> 'cancelled')::int AS "left" FROM "packages" p WHERE "tenantId" = $1 AND "id" = $2 FOR UPDATE`,
      [clinic, bought],
    )
    const full = bundle === undefined || bundle.left <= 0
    if (full && tools.countsSessions) return { rows: [], remember: () => drop(desk.packages, bought) }
    const id = randomId(random)
    await query(
      `INSERT INTO "reservations" ("tenantId", "id", "clientId", "userId", "packageId", "startsAt", "endsAt")
       VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz + interval '1 hour')`,
      [clinic, id, client, desk.clinic.practitioner, bought, startOf(random)],
    )
    return { rows: [{ table: 'reservations', id, holds: bought }], remember: () => keep(desk.open, id) }
  },

  close: async ({ desk, random, query }) => {
    const id = random.pick(desk.open)
    const status = random.pick(['attended', 'missed', 'cancelled'])
    const changed = await query(
      `UPDATE "reservations" SET "status" = $3 WHERE "tenantId" = $1 AND "id" = $2 AND "status" = 'booked' RETURNING 1`,
      [desk.clinic.id, id, status],
    )
    const rows: Promised[] = changed.length === 0 ? [] : [{ table: 'reservations', id, status }]
    return {
      rows,
      remember: () => {
        desk.open = desk.open.filter((each) => each !== id)
      },
    }
  },

  agenda: async ({ desk, query }) => {
    await query(
      `SELECT r."startsAt", c."name" FROM "reservations" r JOIN "clients" c ON c."tenantId" = r."tenantId" AND c."id" = r."clientId"
       WHERE r."tenantId" = $1 ORDER BY r."startsAt" LIMIT 20`,
      [desk.clinic.id],
    )
    return { rows: [], remember: () => undefined }
  },
}

/** Whether an operation refers to what is not there: a restore to an earlier moment took it away. */
function isGone(error: unknown): boolean {
  return sqlState(error) === '23503'
}

/** Begins anew with the clients that come. */
function forget(desk: Desk): void {
  desk.clients = []
  desk.packages = []
  desk.open = []
}

/** Some hour of the year 2026. */
function startOf(random: Random): string {
  return new Date(Date.UTC(2026, 0, 1) + random.int(365 * 24) * 3_600_000).toISOString()
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > remembered) list.shift()
}

function drop(packages: Desk['packages'], id: string): void {
  const place = packages.findIndex((each) => each.id === id)
  if (place >= 0) packages.splice(place, 1)
}
